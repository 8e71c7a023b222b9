// Creation, closing and restock over two lanes, searched exhaustively: units are conserved in every
// state and every sale comes to rest; without any one of the rules they are not, or it does not.
import { describe, expect, it } from 'vitest';
import { saleModel } from './sales/model.ts';
import { saleRuleNames, type SaleRule } from './sales/rules.ts';
import type { Budget } from './sales/state.ts';
import { readable, search, type Result } from './search.ts';

const statesMax = 1_000_000;
const timeoutMs = 300_000;
const isDeep = process.env['MODEL_DEPTH'] === 'deep';

const shopping: Budget = { holds: isDeep ? 3 : 2, pays: 0, refunds: 0, recoveries: 0 };
const refunding: Budget = { holds: isDeep ? 3 : 2, pays: 1, refunds: 1, recoveries: 1 };

const searched = (budget: Budget, ...off: SaleRule[]): Result =>
  search(
    saleModel(budget, new Set(saleRuleNames.filter((rule) => !off.includes(rule)))),
    statesMax,
  );

it.each([
  ['in creation and closing', shopping],
  ['with a refund and a recovery', refunding],
  ['with a refund too many', { ...refunding, holds: 1, refunds: 2 }],
])(
  'conserves units and comes to rest %s',
  (_, budget) => {
    const result = searched(budget);
    if (result.finding !== null) expect.fail(readable(result.finding));
    expect(result.complete).toBe(true);
    console.log(`${result.states} states, ${result.depth} steps deep`);
  },
  timeoutMs,
);

const found = (what: string, budget: Budget, ...off: SaleRule[]): void => {
  const { finding } = searched(budget, ...off);
  if (finding === null) expect.fail('no counterexample was found');
  if (process.env['MODEL_TRACES'] === 'yes') console.log(`${off.join(', ')}\n${readable(finding)}`);
  expect(finding.what).toContain(what);
};

describe('without the rule', () => {
  const one: Budget = { ...shopping, holds: 1 };
  const refund: Budget = { ...refunding, holds: 1, recoveries: 0 };
  const recovery: Budget = { ...refund, recoveries: 1 };
  const rebuilt: Budget = { holds: 0, pays: 0, refunds: 0, recoveries: 1 };
  const cases: readonly (readonly [SaleRule, string, Budget])[] = [
    ['credits wait for every debit', 'no way leads to rest', one],
    ['a move is credited once', 'fence-a is credited without a debit', one],
    ['only the next command is applied', 'fence-a is credited without a debit', one],
    ['a close is repeated as holds end', 'no way leads to rest', one],
    ['a decision and its commands are one transaction', 'no way leads to rest', one],
    ['a recovery goes on after the last settled command', 'no way leads to rest', rebuilt],
    ['the record says that it was taken back', 'sold, orders own', refund],
    ['a unit is free once its restock has settled', 'closed with units held or free', recovery],
    ['a settled restock frees its unit', 'is owned twice', { ...refund, holds: 2 }],
    ['a closed sale takes no number back', 'closed with units held or free', refund],
    ['the lane says whether the number returns', 'closed with units held or free', refund],
    ['a closed sale restocks the standing one', 'no way leads to rest', refund],
    ['what a restock takes out of a sale is gone from it', 'miscounts', recovery],
  ];

  it.each(cases)(
    '"%s" its counterexample is back',
    (rule, what, budget) => {
      found(what, budget, rule);
    },
    timeoutMs,
  );

  const twice: Budget = { ...refund, refunds: 2 };
  const pair = ['only a paid order is restocked', 'a paid order is refunded once'] as const;

  it(
    `"${pair.join('" and "')}" an order is restocked twice`,
    () => {
      found('-1 sold, orders own 0', twice, ...pair);
    },
    timeoutMs,
  );

  it.each(pair)(
    '"%s" alone, the other of the two makes up for it',
    (rule) => {
      const { finding, complete } = searched(twice, rule);
      expect([finding, complete]).toEqual([null, true]);
    },
    timeoutMs,
  );
});
