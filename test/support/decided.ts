/** What an entry of a lane's log decides, for who judges what a lost store took. */
import { orderIn, type LogEntry } from '../../engine/audit/entries.ts';
import { ticketIdOf } from '../../engine/domain/ids.ts';

/** Orders and tickets that an entry begins, and those of which it only says what came later. */
export function decidedIn({ orders, tickets }: LogEntry): { begun: string[]; later: string[] } {
  const [begun, later]: [string[], string[]] = [[], []];
  for (const fact of orders) (fact.kind === 'held' ? begun : later).push(orderIn(fact));
  for (const { kind, sale, key } of tickets) {
    (kind === 'joined' ? begun : later).push(ticketIdOf(sale, key));
  }
  return { begun, later };
}
