/**
 * Judges what happened to a ticket: decided again in the model, in the state that the log has led
 * to. Who was present the log does not tell, so whom the admitter passed over is not judged. Pure.
 */
import { admit, roomOf } from '../domain/lane/admit.ts';
import { decideTicket } from '../domain/lane/line.ts';
import { recordOf } from '../domain/lane/record.ts';
import type { Line } from '../domain/lane/state.ts';
import { finishIfDone, ticketOf } from '../domain/lane/turn.ts';
import type { SaleWork } from '../domain/lane/work.ts';
import type { LaneEvent, TicketEvent } from '../domain/lane/words.ts';

const ticketTypes: ReadonlySet<string> = new Set([
  'joined',
  'left',
  'admitted',
  'lapsed',
  'finished',
]);

export const isTicketEvent = (event: LaneEvent): event is TicketEvent => ticketTypes.has(event[0]);

/** The rule that forbids the event and what it says, or null: then `work` has what happens. */
export function judgeTicket(
  work: SaleWork,
  event: TicketEvent,
): readonly [rule: string, says: string] | null {
  const [type, key, shopper] = event;
  const { line } = work.sale;
  if (line === null) return ['line', 'the sale has no line'];
  const before = work.events.length;
  switch (type) {
    case 'joined':
    case 'left': {
      const own = { sale: work.sale.id, shopper };
      // Who was verified, the log does not tell.
      const [code] = decideTicket(
        work,
        type === 'left'
          ? { ...own, kind: 'leave', key: event[3] ?? '' }
          : { ...own, kind: 'join', key, verified: true },
      );
      if (work.events.length > before) return null;
      return [code === 'done' || code === 'replayed' ? 'once' : code, 'the model changes nothing'];
    }
    case 'admitted':
      return judgeAdmitted(work, line, key, shopper);
    case 'lapsed':
      ticketOf(work, shopper);
      return work.events.length > before ? null : ['turn', 'no turn of the shopper is over'];
    case 'finished':
      // With the last line of an order of several: the hold itself did not end it.
      if (recordOf(work.sale, shopper).ticket?.state === 'admitted') finishIfDone(work, shopper);
      if (work.events.length > before) return null;
      return ['turn', 'nothing before it has used its claim up'];
  }
}

function judgeAdmitted(
  work: SaleWork,
  line: Line,
  key: string,
  shopper: string,
): readonly [rule: string, says: string] | null {
  const { ticket } = recordOf(work.sale, shopper);
  if (ticket?.key !== key || ticket.state !== 'waiting' || ticket.number === 0) {
    return ['turn', 'it does not wait with a number'];
  }
  if (work.sale.state !== 'live' || !line.numbered) return ['turn', 'turns have not begun'];
  const room = roomOf(work.sale, line);
  if (room === 0) return ['claims', 'open turns claim all that is free'];
  admit(work, line, shopper, room);
  return null;
}
