/** A draw, predicted from the tickets alone: their chain's root, and with the seed their numbers. */
import { createHash } from 'node:crypto';

export interface DrawnLine {
  /** Ids of tickets in the order of joining. */
  readonly tickets: readonly string[];
  /** Tickets that one outbox entry joined. */
  readonly entries: readonly { readonly first: number; readonly count: number }[];
  /** Tickets that joined before it. */
  readonly bell: number;
  /** Hex, both. */
  readonly seed: string;
  readonly root: string;
}

const sha256 = (...parts: readonly Buffer[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest();

/** Numbers by place, and what contradicts the tickets, in words. */
export function predictDraw({ tickets, entries, bell, seed, root }: DrawnLine) {
  const wrong: string[] = [];
  const entrants = tickets.map((id) => sha256(Buffer.from(id)));
  let [link, next] = [Buffer.alloc(0) as Buffer, 0];
  for (const { first, count } of entries) {
    if (first !== next) wrong.push(`an entry begins at ${first}, not at ${next}`);
    next += count;
    if (next <= bell) link = sha256(link, ...entrants.slice(first, next));
  }
  const end = Buffer.from(root, 'hex');
  if (!link.equals(end)) wrong.push('the tickets do not lead to its root');
  const result = sha256(Buffer.from(seed, 'hex'), end);
  const drawn = entrants.slice(0, bell).map((entrant, index) => {
    return { index, value: sha256(result, entrant) };
  });
  drawn.sort((a, b) => Buffer.compare(a.value, b.value));
  const numbers = new Map(drawn.map(({ index }, i) => [index, i + 1]));
  for (let index = bell; index < tickets.length; index += 1) numbers.set(index, index + 1);
  return { numbers, wrong };
}
