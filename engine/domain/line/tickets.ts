/**
 * Folds the ticket events of a settlement: per ticket what was there before, and its last state. Of
 * a ticket at most one row is written, whatever came of it within one settlement. Pure.
 */
import type { Millis, SaleId, ShopperId } from '../types.ts';

export type TicketState = 'waiting' | 'admitted' | 'finished' | 'lapsed' | 'left';

export interface TicketEvent {
  readonly type: 'joined' | 'admitted' | 'finished' | 'lapsed' | 'left';
  readonly sale: SaleId;
  /** The ticket's own part of its id. */
  readonly key: string;
  readonly shopper: ShopperId;
  /** Lane time, ms. */
  readonly at: Millis;
  /** Of `joined`: its place in the order of joining, from 0, and its number; 0 = by the draw. */
  readonly ticket: number;
  readonly number: number;
  /** Of `admitted`: in the hold clock, ms; and the units that the turn may take. */
  readonly turnEnds: Millis;
  readonly claim: number;
  /** Of `left`: the key by which its shopper left; '' = without one. */
  readonly leaveKey: string;
  /** Where it stands in the log (`epoch-sequence`, index in the entry), for quarantine. */
  readonly position: string;
  readonly index: number;
}

export interface FoldedTicket {
  readonly joined: TicketEvent | null;
  readonly admitted: TicketEvent | null;
  readonly ended: TicketEvent | null;
  readonly state: TicketState;
  /** State that its row must be in; '' = waiting or admitted. Of one that joined: no row. */
  readonly was: TicketState | '';
  /** In the order they came; at least one. */
  readonly events: readonly [TicketEvent, ...TicketEvent[]];
}

interface Folding {
  joined: TicketEvent | null;
  admitted: TicketEvent | null;
  ended: TicketEvent | null;
  state: TicketState;
  readonly was: TicketState | '';
  readonly events: [TicketEvent, ...TicketEvent[]];
}

const stateAfter = {
  joined: 'waiting',
  admitted: 'admitted',
  finished: 'finished',
  lapsed: 'lapsed',
  left: 'left',
} as const;

/** States that a ticket must be in for an event to follow. */
const before: Readonly<Record<TicketEvent['type'], readonly TicketState[]>> = {
  joined: [],
  admitted: ['waiting'],
  finished: ['admitted'],
  lapsed: ['admitted'],
  left: ['waiting', 'admitted'],
};

function begin(event: TicketEvent): Folding {
  const needed = before[event.type];
  const was = needed.length === 1 ? (needed[0] ?? '') : '';
  return { ...noEvents, state: stateAfter[event.type], was, events: [event] };
}

const noEvents = { joined: null, admitted: null, ended: null } as const;

/** Tickets in the order of their first event; events that cannot follow are `illegal`. */
export function foldTickets(events: readonly TicketEvent[]): {
  tickets: FoldedTicket[];
  illegal: TicketEvent[];
} {
  const tickets = new Map<string, Folding>();
  const illegal: TicketEvent[] = [];
  for (const event of events) {
    const id = `${event.sale} ${event.key}`;
    let folding = tickets.get(id);
    if (folding === undefined) {
      folding = begin(event);
      tickets.set(id, folding);
    } else if (before[event.type].includes(folding.state)) {
      folding.state = stateAfter[event.type];
      folding.events.push(event);
    } else {
      illegal.push(event);
      continue;
    }
    if (event.type === 'joined') folding.joined = event;
    else if (event.type === 'admitted') folding.admitted = event;
    else folding.ended = event;
  }
  return { tickets: [...tickets.values()], illegal };
}
