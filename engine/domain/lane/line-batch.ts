/**
 * One batch of the line's commands, as lua/line.lua decides it. What depends on everybody, places and
 * figures, is told as at the end of the batch. Pure: the lane given is changed in place.
 */
import type { Millis, SaleId } from '../types.ts';
import { decideAdmit, decideLapse } from './admit.ts';
import { endBatch, startBatch, type Bounds } from './batch.ts';
import { decideSeen, decideTicket } from './line.ts';
import type { Lane, Line, Sale } from './state.ts';
import { allAvailable } from './turn.ts';
import { latch, type SaleWork } from './work.ts';
import type { Figures, LaneEntry, LineCommand, LineReply, TicketReply } from './words.ts';

export interface LineBatchResult {
  readonly now: Millis;
  readonly replies: readonly LineReply[];
  /** Of each sale, in the order of their first commands; null = no line, or frozen. */
  readonly figures: readonly (Figures | null)[];
  /** null = nothing happened, and no position was taken. */
  readonly entry: LaneEntry | null;
}

/** Decides a batch at `time`, the server's clock, of which the lane makes lane time. */
export function runLineBatch(
  lane: Lane,
  commands: readonly LineCommand[],
  time: Millis,
  bounds?: Bounds,
): LineBatchResult {
  const begin = startBatch(lane, time, bounds);
  const works = new Map<SaleId, SaleWork>();
  const decided = commands.map((command): LineReply => {
    const sale = lane.sales.get(command.sale);
    if (sale === undefined) return ['not_found'];
    if (sale.frozen !== '') return ['sale_frozen'];
    const work = works.get(sale.id) ?? begin.work(sale);
    works.set(sale.id, work);
    return decide(work, command);
  });
  const entry = endBatch(lane, [...works.values()], begin.clock);
  const replies = decided.map((reply, i) => {
    const line = lane.sales.get(commands[i]?.sale ?? '')?.line;
    return isTicket(reply) && line ? withAhead(reply, line) : reply;
  });
  const ids = [...new Set(commands.map(({ sale }) => sale))];
  const figures = ids.map((id) => {
    const work = works.get(id);
    return work?.sale.line ? figuresOf(work.sale, work.sale.line) : null;
  });
  return { now: begin.clock.now, replies, figures, entry };
}

function decide(work: SaleWork, command: LineCommand): LineReply {
  latch(work);
  switch (command.kind) {
    case 'join':
    case 'leave':
    case 'ticket':
      return decideTicket(work, command);
    case 'seen':
      return decideSeen(work, command.shoppers);
    case 'admit':
      return decideAdmit(work, command.most);
    case 'lapse':
      return decideLapse(work, command.most);
    case 'line':
      return work.sale.line === null ? ['not_found'] : ['done'];
  }
}

const ticketReplyLength = 8;
const isTicket = (reply: LineReply): reply is TicketReply => reply.length === ticketReplyLength;

function withAhead(reply: TicketReply, line: Line): TicketReply {
  const [code, known, index, number, state, endsAt, key] = reply;
  if (state !== 'waiting' || number === 0) return reply;
  const numbered = [...line.queue.values()].filter((other) => other < number).length;
  // Who joined after the bell has everybody of before it in front, with a number yet or without.
  const isLater = !line.numbered && number > line.bell;
  const ahead = numbered + (isLater ? line.waiting - line.queue.size : 0);
  return [code, known, index, number, state, endsAt, key, ahead];
}

export function figuresOf(sale: Sale, line: Line): Figures {
  const { mode, turnMs, factorPercent } = line.terms;
  return [
    ...([mode, sale.state, line.bell, line.numbered ? 1 : 0, line.joined, line.waiting] as const),
    ...([line.parked.size, line.turns, line.claims, allAvailable(sale), sale.limit] as const),
    ...([line.serving, cutLine(sale, line), turnMs, factorPercent, line.begun] as const),
  ];
}

/**
 * Every waiting number up to this one is surely reached by the units that are left, also when all
 * who are parked return; -1 = not all have a number yet.
 */
function cutLine(sale: Sale, line: Line): number {
  if (!line.numbered) return -1;
  const turns = Math.floor((allAvailable(sale) - line.claims) / sale.limit) - line.parked.size;
  const numbers = [...line.queue.values()].sort((a, b) => a - b);
  const [first] = numbers;
  if (first === undefined) return line.serving;
  return turns < 1 ? first - 1 : (numbers[Math.min(turns, numbers.length) - 1] ?? first);
}
