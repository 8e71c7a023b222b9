/**
 * Checks a proof from what is in it and nothing else: that the seed is the one that was promised,
 * that the list is the one that receipts were given for, that every number follows from both, and that
 * the units are those that were signed.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { digestOf, receiptText } from '../lanes/receipt.ts';
import { entrantOf, linkOf } from './chain.ts';
import { drawOrder, resultOf } from './draw.ts';
import { isRoundSigned, publicBeforeMs, roundOf } from './quicknet.ts';
import type { ProofFile, ReceiptFile } from './read-proof.ts';
import { UnitListHash, unitListText, type UnitLine } from './unit-list.ts';

export interface Check {
  readonly name: string;
  /** Null = there is nothing to check it on yet. */
  readonly ok: boolean | null;
  readonly says: string;
}

const entrantBytes = 32;
const shown = 3;

const entrantAt = (proof: ProofFile, i: number): Buffer =>
  proof.entrants.subarray(i * entrantBytes, (i + 1) * entrantBytes);

/** Ok without complaints; else says the first of them. */
function check(name: string, ok: string, complaints: readonly string[]): Check {
  if (complaints.length === 0) return { name, ok: true, says: ok };
  const more = complaints.length > shown ? ` and ${complaints.length - shown} more` : '';
  return { name, ok: false, says: complaints.slice(0, shown).join('; ') + more };
}

/** `promised` = commitments that were published or noted before, by where they come from. */
export function checkSeed(
  { seed, commitment }: ProofFile,
  promised: ReadonlyMap<string, string>,
): Check {
  const wrong: string[] = [];
  for (const [where, said] of promised) {
    if (said !== commitment) wrong.push(`${where} says ${said}, the proof ${commitment}`);
  }
  if (seed === null) {
    if (wrong.length > 0) return check('seed', '', wrong);
    return { name: 'seed', ok: null, says: 'not shown yet: the draw waits for its beacon' };
  }
  const own = `sha256:${createHash('sha256').update(seed).digest('hex')}`;
  if (own !== commitment) wrong.push(`its commitment is ${own}, not ${commitment}`);
  return check('seed', `it is the one of ${commitment}`, wrong);
}

/**
 * Whoever may choose a beacon after seeing the list, or may still join after seeing it, may choose the
 * draw: it counts only when its source was named before and it was published after the bell. `named` = by
 * what the sale says of itself; undefined = it was not asked.
 */
export function checkBeacon(
  { seed, beacon, beaconSource, beaconSkipped, bellAt }: ProofFile,
  named: string | null | undefined,
): Check {
  const wrong: string[] = [];
  if (named !== undefined && named !== beaconSource) {
    wrong.push(`the sale names ${named ?? 'none'}, the proof ${beaconSource ?? 'none'}`);
  }
  const isThere = beacon !== null && beacon.length > 0;
  if (isThere && beaconSource === null) wrong.push('it is there, but nobody named its source');
  const round = beaconSource === null ? null : roundOf(beaconSource);
  if (isThere && round !== null && !isRoundSigned(round, beacon)) {
    wrong.push(`it is not the signature of ${beaconSource}`);
  }
  const isDrawnWithout = !isThere && beaconSource !== null && seed !== null;
  if (isDrawnWithout && !beaconSkipped) wrong.push(`${beaconSource} is missing`);
  if (wrong.length === 0 && seed === null) {
    return { name: 'beacon', ok: null, says: 'not published yet' };
  }
  if (wrong.length === 0 && isDrawnWithout) {
    const says = `drawn without ${beaconSource}: if it was published, the operator had a choice`;
    return { name: 'beacon', ok: null, says };
  }
  const early = publicBeforeMs(beaconSource, bellAt);
  if (wrong.length === 0 && early > 0) {
    const says =
      `${beaconSource} was public ${Math.ceil(early / 1000)} s before the bell rang: ` +
      'until then the operator could foresee the order';
    return { name: 'beacon', ok: null, says };
  }
  const signed = round === null ? '' : ', signed by its chain';
  return check('beacon', `${beaconSource ?? 'none was named'}${signed}`, wrong);
}

const placeOf = (position: string): readonly [number, number] | null => {
  const found = /^(\d+)-(\d+)$/.exec(position);
  return found === null ? null : [Number(found[1]), Number(found[2])];
};

/**
 * Entries are in the order of the log, their sum is the list, and nobody is there twice or without a line.
 * `said` = the mode that the sale says it has; undefined = it was not asked.
 */
export function checkList(proof: ProofFile, said?: string): Check {
  const wrong: string[] = [];
  const { mode } = proof;
  if (said !== undefined && said !== mode) wrong.push(`the sale says ${said}, the proof ${mode}`);
  const count = proof.entrants.length / entrantBytes;
  if (mode === 'open' && count > 0) wrong.push(`it has ${count} tickets of a sale without a line`);
  let [epoch, seq, sum] = [-1, -1, 0];
  for (const entry of proof.entries) {
    const place = placeOf(entry.position);
    if (place === null || entry.count === 0) wrong.push(`entry ${entry.position} is malformed`);
    else if (place[0] < epoch || (place[0] === epoch && place[1] <= seq)) {
      wrong.push(`entry ${entry.position} is not behind ${epoch}-${seq}`);
    } else [epoch, seq] = place;
    sum += entry.count;
  }
  if (sum !== count) wrong.push(`its entries have ${sum} tickets, the list has ${count}`);
  if (proof.entrantCount !== count) {
    wrong.push(`the bell counted ${proof.entrantCount} tickets, the list has ${count}`);
  }
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) {
    const entrant = entrantAt(proof, i).toString('latin1');
    if (seen.has(entrant)) wrong.push(`ticket ${i} is there twice`);
    seen.add(entrant);
  }
  const held = `${count} tickets in ${proof.entries.length} entries`;
  return check('list', mode === 'open' ? 'the sale had no line' : held, wrong);
}

export function checkRoot(proof: ProofFile): Check {
  let link: Buffer = Buffer.alloc(0);
  let next = 0;
  for (const { count } of proof.entries) {
    const entrants = Array.from({ length: count }, (_, i) => entrantAt(proof, next + i));
    link = linkOf(link, entrants);
    next += count;
  }
  const [own, said] = [link.toString('hex'), proof.root.toString('hex')];
  const wrong = own === said ? [] : [`the list leads to ${own}, not to ${said}`];
  return check('root', 'it is the last link of the list', wrong);
}

/** Numbers in the order of joining, recomputed; null = the seed is not shown yet. */
export function numbersOf(proof: ProofFile): Uint32Array | null {
  const { seed, root, beacon, entrants } = proof;
  if (seed === null) return null;
  const order = drawOrder(resultOf(seed, root, beacon ?? Buffer.alloc(0)), entrants);
  const numbers = new Uint32Array(order.length);
  for (const [i, index] of order.entries()) numbers[index] = i + 1;
  return numbers;
}

export function checkNumbers(proof: ProofFile, own: Uint32Array | null): Check {
  const { numbers } = proof;
  if (own === null || numbers === null) {
    return { name: 'numbers', ok: null, says: 'not all are given yet' };
  }
  const wrong: string[] = [];
  if (numbers.length !== own.length) {
    wrong.push(`the proof has ${numbers.length}, the list ${own.length}`);
  }
  for (const [i, number] of own.entries()) {
    if (numbers[i] !== number) wrong.push(`ticket ${i} has number ${numbers[i]}, not ${number}`);
  }
  return check('numbers', `${own.length} recomputed, all as published`, wrong);
}

/** `over` = the sale says of itself that it is closed; undefined = it was not asked. */
export function checkUnits(proof: ProofFile, over?: boolean): Check {
  const { units } = proof;
  if (units === null) return checkAbsent(proof, over);
  const wrong: string[] = [];
  if (!areSigned(proof, units)) wrong.push('the list of units is not what was signed');
  const seen = new Set<string>();
  let sold = 0;
  for (const { product, unit, end, order } of units) {
    const name = `${product} ${unit}`;
    if (seen.has(name)) wrong.push(`${name} is there twice`);
    seen.add(name);
    const fits =
      end === 'sold' ? /^[0-9a-f]{64}$/.test(order ?? '') : end === 'unsold' && order === null;
    // A name with a space or a line break in it could make two rows of the text that is signed one.
    if (!fits || unit < 1 || !/^\w+$/.test(product)) wrong.push(`${name} is malformed`);
    if (end === 'sold') sold += 1;
  }
  return check('units', `${sold} sold, each once, signed with the key of this proof`, wrong);
}

/** Nothing shows whether a file has no units because the sale went on, or because they were taken out. */
function checkAbsent({ unitsSignature }: ProofFile, over: boolean | undefined): Check {
  const name = 'units';
  if (unitsSignature !== null) {
    return { name, ok: false, says: 'their signature is there, the list of units is not' };
  }
  if (over === true) {
    return { name, ok: null, says: 'the sale is closed, its list of units is not there yet' };
  }
  const why = 'they come when the sale is over';
  return { name, ok: null, says: over === false ? why : `they are not in the file: ${why}` };
}

function areSigned(proof: ProofFile, units: readonly UnitLine[]): boolean {
  const hash = new UnitListHash();
  hash.add(units);
  return isSigned(proof, unitListText(proof.sale, hash.digest()), proof.unitsSignature ?? '');
}

/** A receipt's place in the chain, its signature, and the number that the ticket got. */
export function checkReceipt(
  proof: ProofFile,
  receipt: ReceiptFile,
  numbers: Uint32Array | null,
): Check {
  const { position, index, digest, signature } = receipt;
  const wrong: string[] = [];
  const text = receiptText(proof.sale, position, digest);
  if (!isSigned(proof, text, signature)) wrong.push('it was not signed with the key of this proof');
  let first = 0;
  const own = proof.entries.find((entry) => {
    if (entry.position === position) return true;
    first += entry.count;
    return false;
  });
  if (own === undefined) wrong.push(`the list has no entry ${position}`);
  else {
    const entrants = Array.from({ length: own.count }, (_, i) => entrantAt(proof, first + i));
    if (digestOf(entrants) !== digest) wrong.push(`entry ${position} is not what was signed`);
    if (index < first || index >= first + own.count) {
      wrong.push(
        `entry ${position} has tickets ${first} to ${first + own.count - 1}, not ${index}`,
      );
    }
  }
  const number = numbers?.[index];
  if (receipt.id !== null && !entrantOf(receipt.id).equals(entrantAt(proof, index))) {
    wrong.push(`place ${index} is another's`);
  }
  if (receipt.number !== null && number !== undefined && receipt.number !== number) {
    wrong.push(`its number is ${number}, not ${receipt.number}`);
  }
  const got = number === undefined ? '' : `, number ${number}`;
  return check('receipt', `place ${index} in entry ${position}${got}`, wrong);
}

/** With the key of the proof. */
function isSigned({ receiptKey }: ProofFile, text: Buffer, signature: string): boolean {
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: receiptKey };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return verify(null, text, key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
