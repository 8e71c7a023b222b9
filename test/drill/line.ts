/** A shopper at a sale with a line: joins, looks until it is their turn, leaves now and then. */
import { randomUUID } from 'node:crypto';
import { wordOf, type Answer, type Call } from './client.ts';
import type { History, KnownTicket } from './history.ts';
import type { Surroundings } from './around.ts';

const lookMs = 250;
/** Whoever has no turn by then comes again some time. */
const patienceMs = 5000;

/** Ends that nothing follows. */
const over: ReadonlySet<string> = new Set(['finished', 'lapsed', 'left']);
const refusals: ReadonlySet<string> = new Set([
  'draw_closed',
  'idempotency_key_reused',
  'limit_reached',
  'rate_limited',
  'sale_ended',
]);

/** Answers whether there is a turn. */
export async function lineUp(
  around: Surroundings,
  sale: string,
  shopper: number,
): Promise<boolean> {
  const { client, accounts, history, rng } = around;
  const token = accounts[shopper]?.token ?? '';
  const path = `/v1/sales/${sale}/tickets`;
  const me = { method: 'GET', path: `${path}/me`, token } as const;
  const join: Call = { method: 'POST', path, token, key: randomUUID(), body: {} };
  const askedAt = Date.now();
  // Now and then the same key comes twice at once: one ticket, and both are told of it.
  const [told] = await Promise.all([client.ask(join), rng.chance(0.1) ? client.ask(join) : null]);
  let state = learn(history, told.answer, { sale, shopper, askedAt });
  const until = performance.now() + patienceMs;
  while (state === 'waiting' && performance.now() < until) {
    if (rng.chance(0.01)) {
      const left = await client.ask({ ...me, method: 'DELETE' });
      learn(history, left.answer, { sale, shopper, askedAt });
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
    const seen = await client.ask(me);
    state = learn(history, seen.answer, { sale, shopper, askedAt });
  }
  return state === 'admitted';
}

/** Writes down what was told of a ticket, and blames what contradicts it. Answers its state, '' = none. */
function learn(
  history: History,
  answer: Answer | null,
  who: Pick<KnownTicket, 'sale' | 'shopper' | 'askedAt'>,
): string {
  if (answer === null) return '';
  if (answer.status >= 300) {
    const code = wordOf(answer, 'code');
    if (!refusals.has(code)) {
      // With its ticket: a lost disk may take one that was in doubt, and the judge knows which were.
      const told = [...history.tickets.values()].filter(
        ({ sale, shopper }) => sale === who.sale && shopper === who.shopper,
      );
      history.blame(`ticket of ${who.sale}: ${answer.status} ${code}`, told.at(-1)?.id);
    }
    return '';
  }
  const [id, state] = [wordOf(answer, 'id'), wordOf(answer, 'state')];
  const number = answer.json['number'] as number | null;
  const known = history.tickets.get(id);
  if (known === undefined) {
    const times = { answeredAt: Date.now() };
    history.tickets.set(id, { id, ...who, ...times, number, state });
  } else {
    if (known.number !== null && known.number !== number) {
      history.blame(`I5: ${id} had number ${known.number}, has ${String(number)}`, id);
    }
    // Answers overtake each other; what is over stays over.
    if (over.has(known.state) && over.has(state) && known.state !== state) {
      history.blame(`I5: ${id} was ${known.state}, is ${state}`, id);
    }
    known.number = number;
    if (!over.has(known.state)) known.state = state;
  }
  if (state === 'admitted') history.seen.turn += 1;
  return state;
}
