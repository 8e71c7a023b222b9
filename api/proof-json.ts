/** A sale's proof as the text of one JSON document, piece by piece: it may be a hundred megabytes. */
import type { Proof, ProofEntry, ProofUnit } from '../engine/index.ts';
import { timeText } from './clock-text.ts';

/** What a piece is written of, so that short pages make no short pieces. */
const entryJson = ({ position, count }: ProofEntry) => ({ position, count });
const unitJson = ({ product, unit, end, order }: ProofUnit) => ({
  product_id: product,
  unit,
  end,
  order,
});

/** Members of an array, page by page, after the name of its field. */
async function* list<T>(
  name: string,
  pages: AsyncIterable<readonly T[]>,
  json: (item: T) => unknown = (item) => item,
): AsyncGenerator<string> {
  yield `,\n"${name}":[`;
  let comma = '';
  for await (const page of pages) {
    if (page.length === 0) continue;
    yield comma + JSON.stringify(page.map(json)).slice(1, -1);
    comma = ',';
  }
  yield ']';
}

/** Its first line says what the proof shows, and what it does not. */
export async function* proofText(proof: Proof): AsyncGenerator<string> {
  const head = {
    limits: proof.limits,
    sale_id: proof.sale,
    mode: proof.mode,
    seed_commitment: proof.seedCommitment,
    seed: proof.seed,
    beacon: proof.beacon,
    beacon_source: proof.beaconSource,
    beacon_skipped: proof.beaconSkipped,
    root: proof.root,
    entrant_count: proof.entrantCount,
    bell_at: timeText(proof.bellAt),
    receipt_key: proof.receiptKey,
  };
  const fields = Object.entries(head).map(([name, value]) => `"${name}":${JSON.stringify(value)}`);
  yield `{${fields.join(',\n')}`;
  yield* list('entries', proof.entries(), entryJson);
  yield* list('entrants', proof.entrants());
  if (proof.numbered) yield* list('numbers', proof.numbers());
  if (proof.ended) {
    const units = proof.units();
    yield* list('units', units, unitJson);
    yield `,\n"units_signature":${JSON.stringify(units.signature())}`;
  }
  yield '}\n';
}
