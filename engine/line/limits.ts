/** What a proof shows and what it does not: its first line, and that of whoever checks it. Pure. */

const withoutBeacon =
  'This shows that list and order were not changed after the commitments; it does not show that ' +
  'the operator, who knew the seed, added no accounts.';
const withBeacon =
  'This shows that list and order were not changed after the commitments, and that the order ' +
  'depends on a public value whose source was named when the sale was created; if the bell rang ' +
  'after that value was published, who joined in between may have known it. It does not show that ' +
  'the operator added no accounts.';

/** `beacon` = where the public randomness came from; null = there was none. */
export const limitsOf = (beacon: string | null): string =>
  beacon === null ? withoutBeacon : withBeacon;
