/**
 * I7 at the end: commands that were accepted are asked again by their keys. The same body gets the
 * same answer to the last byte, another body is refused, and neither has an effect.
 */
import type { Rng } from '../support/rng.ts';
import type { Asked, History } from './history.ts';
import type { Surroundings } from './around.ts';
import { askCommand, blameSilence, refusesAnother } from './shopper.ts';

/** Of a judgement: all of its keys when there are no more. */
const most = 500;
const otherBodies = 50;

/** Asks again some of what was accepted since the last time. What is wrong goes to the history. */
export async function askAgain(around: Surroundings): Promise<void> {
  const { history, rng } = around;
  const fresh = history.takeAccepted();
  for (const asked of some(fresh, most, rng)) {
    if (!isExpected(history, asked)) continue;
    if ((await askCommand(around, asked)) === null) blameSilence(history, asked);
  }
  const holds = fresh.filter(({ verb }) => verb === 'hold' || verb === 'checkout');
  for (const asked of some(holds, otherBodies, rng)) {
    if (isExpected(history, asked)) await refusesAnother(around, asked);
  }
  for (const asked of fresh) asked.said = '';
}

/** A disk that was lost may have taken the order, and with it the answer. */
const isExpected = (history: History, { order }: Asked): boolean => history.orders.has(order);

function some<T>(all: readonly T[], count: number, rng: Rng): T[] {
  const left = [...all];
  while (left.length > count) left.splice(rng.whole(0, left.length - 1), 1);
  return left;
}
