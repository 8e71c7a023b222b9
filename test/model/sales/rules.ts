/** The rules of creation and closing (docs/model.md), each a switch. */
export const saleRuleNames = [
  'credits wait for every debit',
  'a move is credited once',
  'only the next command is applied',
  'a close is repeated as holds end',
  'a decision and its commands are one transaction',
] as const;

export type SaleRule = (typeof saleRuleNames)[number];
export type SaleRules = ReadonlySet<SaleRule>;
