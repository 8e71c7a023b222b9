// Creation and closing over two lanes, searched exhaustively: units are conserved in every state and
// every sale comes to rest; without any one of the rules they are not, or it does not.
import { describe, expect, it } from 'vitest';
import { saleModel } from './sales/model.ts';
import { saleRuleNames, type SaleRule } from './sales/rules.ts';
import { readable, search, type Result } from './search.ts';

const statesMax = 1_000_000;
const timeoutMs = 300_000;
const holds = process.env['MODEL_DEPTH'] === 'deep' ? 3 : 2;

const searched = (shoppers: number, off?: SaleRule): Result =>
  search(saleModel(shoppers, new Set(saleRuleNames.filter((rule) => rule !== off))), statesMax);

it(
  'conserves units and comes to rest',
  () => {
    const result = searched(holds);
    if (result.finding !== null) expect.fail(readable(result.finding));
    expect(result.complete).toBe(true);
    console.log(`${result.states} states, ${result.depth} steps deep`);
  },
  timeoutMs,
);

describe('without the rule', () => {
  const cases: readonly (readonly [SaleRule, string])[] = [
    ['credits wait for every debit', ''],
    ['a move is credited once', ''],
    ['only the next command is applied', ''],
    ['a close is repeated as holds end', 'no way leads to rest'],
    ['a decision and its commands are one transaction', 'no way leads to rest'],
  ];

  it.each(cases)(
    '"%s" its counterexample is back',
    (rule, what) => {
      const { finding } = searched(1, rule);
      if (finding === null) expect.fail('no counterexample was found');
      if (process.env['MODEL_TRACES'] === 'yes') console.log(`${rule}\n${readable(finding)}`);
      expect(finding.what).toContain(what);
    },
    timeoutMs,
  );
});
