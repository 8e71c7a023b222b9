// What a line's figures say of it: turns that began are counted, not who has left.
import { expect, it } from 'vitest';
import { LineBook, chanceOf, lookOf } from '../../../api/line-book.ts';
import { laneSale, lineFigures, lineTicket, linedTerms, noon } from './fake-engine.ts';

it('who leaves while they wait is no turn that took nothing', () => {
  // 3000 units, ten turns a second, each takes its unit at once; 2000 had left before the bell.
  const book = new LineBook();
  const chanceAfter = (seconds: number): number => {
    const begun = seconds * 10;
    const items = laneSale.items.map((item, i) => (i === 0 ? item : { ...item, held: 0, sold: 0 }));
    const [first, ...rest] = items;
    const lane = {
      ...laneSale,
      ...{
        items: first ? [{ ...first, held: 0, sold: begun }, ...rest] : [],
        expired: 0,
        released: 0,
      },
    };
    const line = {
      ...lineFigures,
      ...{ limit: 1, joined: 10_000, waiting: 8000 - begun, begun, admitted: 0, claims: 0 },
      available: 3000 - begun,
    };
    const outlook = book.see(line.sale, lookOf(linedTerms, lane, line, noon + seconds * 1000));
    return chanceOf({ ...lineTicket, ahead: 6000, line }, outlook) ?? 1;
  };
  let chance = 1;
  for (let seconds = 1; seconds <= 130; seconds += 1) chance = chanceAfter(seconds);
  expect(chance).toBeLessThan(0.05);
});
