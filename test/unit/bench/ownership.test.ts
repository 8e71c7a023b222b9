/** The crowd's own check must see what it is there for. */
import { describe, expect, it } from 'vitest';
import { OwnershipCheck } from '../../../bench/demo/ownership.ts';
import type { Taken } from '../../../bench/demo/ownership.ts';

const bell = 1000;
const offered = 10;
const taken = (order: string, over: Partial<Taken> = {}): Taken => ({
  order,
  shopper: `who got ${order}`,
  units: [1],
  at: bell,
  deadline: bell + 100,
  ...over,
});

function checked(act: (check: OwnershipCheck) => void): OwnershipCheck {
  const check = new OwnershipCheck(bell, offered);
  act(check);
  return check;
}

describe('a sale in order', () => {
  it('counts what was paid, and a replayed answer once', () => {
    const check = checked((it) => {
      it.held(taken('a', { units: [1, 2] }));
      it.held(taken('a', { units: [1, 2] }));
      it.paid('a', [2, 1]);
      it.paid('a', [1, 2]);
    });
    expect(check.violations).toEqual([]);
    expect(check.paidUnits).toBe(2);
    expect(check.resold).toBe(0);
  });

  it('lets a unit go to somebody else once the deadline is there', () => {
    const check = checked((it) => {
      it.held(taken('a'));
      it.held(taken('b', { at: bell + 100, deadline: bell + 200 }));
      it.paid('b', [1]);
    });
    expect(check.violations).toEqual([]);
    expect(check.resold).toBe(1);
  });

  it('does not care in which order the answers came', () => {
    const check = checked((it) => {
      it.held(taken('b', { at: bell + 100, deadline: bell + 200 }));
      it.held(taken('a'));
    });
    expect(check.violations).toEqual([]);
  });
});

describe('what it catches', () => {
  const cases: [string, RegExp, (check: OwnershipCheck) => void][] = [
    [
      'a unit held by two at once',
      /unit 1 was held by two at once: a \(who got a\) and b/,
      (it) => {
        it.held(taken('a'));
        it.held(taken('b', { at: bell + 99, deadline: bell + 199 }));
      },
    ],
    [
      'a unit sold twice',
      /unit 1 was sold twice/,
      (it) => {
        it.held(taken('a'));
        it.held(taken('b', { at: bell + 100, deadline: bell + 200 }));
        it.paid('b', [1]);
        it.paid('a', [1]);
      },
    ],
    [
      'a paid unit given out again after the deadline',
      /held by two at once/,
      (it) => {
        it.held(taken('a'));
        it.paid('a', [1]);
        it.held(taken('b', { at: bell + 500, deadline: bell + 600 }));
      },
    ],
    ['a hold before the bell', /before the bell/, (it) => it.held(taken('a', { at: bell - 1 }))],
    [
      'one order with a unit twice',
      /holds a unit twice/,
      (it) => it.held(taken('a', { units: [3, 3] })),
    ],
    ['a payment of nothing', /never held/, (it) => it.paid('a', [1])],
    [
      'other units paid than held',
      /held with 1, paid with 2/,
      (it) => {
        it.held(taken('a'));
        it.paid('a', [2]);
      },
    ],
    [
      'more units than there are',
      /11 different units of 10/,
      (it) => it.held(taken('a', { units: Array.from({ length: 11 }, (_, i) => i) })),
    ],
  ];
  it.each(cases)('%s', (_, expected, act) => {
    expect(checked(act).violations.join('\n')).toMatch(expected);
  });
});
