/** The rules of creation, closing and restock (docs/model.md), each a switch. */
export const saleRuleNames = [
  'credits wait for every debit',
  'a move is credited once',
  'only the next command is applied',
  'a close is repeated as holds end',
  'a decision and its commands are one transaction',
  'a recovery goes on after the last settled command',
  'only a paid order is restocked',
  'a paid order is refunded once',
  'the record says that it was taken back',
  'a unit is free once its restock has settled',
  'a settled restock frees its unit',
  'a closed sale takes no number back',
  'the lane says whether the number returns',
  'a closed sale restocks the standing one',
  'what a restock takes out of a sale is gone from it',
] as const;

export type SaleRule = (typeof saleRuleNames)[number];
export type SaleRules = ReadonlySet<SaleRule>;
