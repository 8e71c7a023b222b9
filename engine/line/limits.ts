/** What a proof shows and what it does not: its first line, and that of whoever checks it. Pure. */
import type { Admission } from '../documents.ts';

const withoutBeacon =
  'This shows that list and order were not changed after the commitments; it does not show that ' +
  'the operator, who knew the seed, added no accounts.';
const withBeacon =
  'This shows that list and order were not changed after the commitments, and that the order ' +
  'depends on a public value whose source was named when the sale was created and which was ' +
  'published after the bell. It does not show that the operator added no accounts.';

const withEarlyBeacon =
  'This shows that list and order were not changed after the commitments. The bell rang late, after ' +
  'the public value that the sale had named was published: the operator, who knew the seed, could ' +
  'foresee the order while accounts still joined. It does not show that the operator added no accounts.';

const beaconSkipped =
  'This shows that list and order were not changed after the commitments. It was drawn without the ' +
  'public value that the sale had named, because that did not come within ten minutes of the bell: if ' +
  'it was published all the same, the operator, who knew the seed, could choose between two orders. It ' +
  'does not show that the operator added no accounts.';

const withoutLine =
  'This sale had no line: nobody was drawn, and the list is empty. This shows that its seed is the one ' +
  'of the commitment, and once it is over how the operator signed that each unit ended. It does not ' +
  'show in which order shoppers were served.';

/**
 * `source` = where the public randomness was to come from; null = nowhere. `skipped` = it did not.
 * `early` = it was public before the bell rang.
 */
export function limitsOf(
  mode: Admission['mode'],
  source: string | null,
  skipped: boolean,
  early: boolean,
): string {
  if (mode === 'open') return withoutLine;
  if (source === null) return withoutBeacon;
  if (skipped) return beaconSkipped;
  return early ? withEarlyBeacon : withBeacon;
}
