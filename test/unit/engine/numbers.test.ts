// Unit numbers that a recovery recounts: what was taken away for good had been issued.
import { describe, expect, it } from 'vitest';
import type { Sale } from '../../../engine/domain/lane/state.ts';
import { UnitNumbers } from '../../../engine/recover/numbers.ts';
import { asRebuilt } from '../../../engine/replay/rebuilt.ts';

describe('numbers of an item', () => {
  it('go on behind the highest that was taken away, though no order has had it', () => {
    const numbers = new UnitNumbers();
    numbers.gone(5);
    numbers.issued([1, 2], 'sold');
    numbers.issued([3], 'ended');
    expect([numbers.next, ...numbers.returned()]).toEqual([6, 3, 4]);
    expect([numbers.held, numbers.sold]).toEqual([0, 2]);
  });

  it('are the same in a replay', () => {
    const item = { next: 1, returned: [] };
    const orders = [
      { item: 0, units: [1, 2], state: 'paid' },
      { item: 0, units: [3], state: 'released' },
    ];
    const sale = { items: [item], records: new Map([['ann', { orders }]]) };
    asRebuilt(sale as unknown as Sale, [new Set([5])]);
    expect(item).toEqual({ next: 6, returned: [3, 4] });
  });
});
