/** Numbers of the draw, given in chunks by lane commands: from 1 on, without a gap. Pure. */
import { recordOf } from './record.ts';
import { refused } from './refused.ts';
import type { Line } from './state.ts';
import { happen, type SaleWork } from './work.ts';
import type { LaneCommand } from './words.ts';

type Numbers = Extract<LaneCommand, { kind: 'numbers' }>;

/** Gives `from`, `from` + 1, … to the tickets that still wait; the others' numbers go to nobody. */
export function numbers(work: SaleWork, c: Numbers): void {
  const { line } = work.sale;
  const wrong = whyWrong(line, c);
  if (line === null || wrong !== null) {
    happen(work, refused(c, wrong ?? 'no_line'));
    return;
  }
  for (const [i, [index, shopper]] of c.tickets.entries()) {
    const { ticket } = recordOf(work.sale, shopper);
    if (ticket?.index !== index || ticket.state !== 'waiting' || ticket.number > 0) continue;
    ticket.number = c.from + i;
    line.queue.set(shopper, ticket.number);
  }
  happen(work, ['numbers', c.number, 1, '', c.from, c.tickets.length]);
}

function whyWrong(line: Line | null, { from, tickets }: Numbers): string | null {
  if (line === null) return 'no_line';
  if (line.bell < 0) return 'not_rung';
  const last = from + tickets.length - 1;
  return from !== line.given + 1 || last > line.bell ? 'gap' : null;
}
