/** A proof that holds passes every check; tampered with in any one place it fails, and says where. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { entrantOf, linkOf } from '../../../engine/line/chain.ts';
import {
  checkBeacon,
  checkList,
  checkNumbers,
  checkReceipt,
  checkRoot,
  checkSeed,
  checkUnits,
  numbersOf,
} from '../../../engine/line/check-proof.ts';
import { drawOrder, resultOf } from '../../../engine/line/draw.ts';
import { readProofFile, readReceiptFile, Unreadable } from '../../../engine/line/read-proof.ts';

type Document = Record<string, unknown>;

const sale = 'sal_0000000000000000';
const tickets = Array.from({ length: 9 }, (_, i) => `tkt_0000000000000000${'k'.repeat(23)}${i}`);
const entrants = tickets.map(entrantOf);
const sizes = [3, 1, 5];
const keys = generateKeyPairSync('ed25519');
const sha = (of: string | Uint8Array): string => createHash('sha256').update(of).digest('hex');
const seed = createHash('sha256').update('seed').digest();

/** Entrants of an entry. */
const membersOf = (entry: number): Buffer[] => {
  const first = sizes.slice(0, entry).reduce((sum, n) => sum + n, 0);
  return entrants.slice(first, first + (sizes[entry] ?? 0));
};
const root = sizes.reduce<Buffer>((link, _, i) => linkOf(link, membersOf(i)), Buffer.alloc(0));

function numbers(beacon: Buffer): number[] {
  const order = drawOrder(resultOf(seed, root, beacon), Buffer.concat(entrants));
  const list = new Array<number>(order.length).fill(0);
  order.forEach((index, i) => (list[index] = i + 1));
  return list;
}

interface Unit {
  readonly product_id: string;
  readonly unit: number;
  readonly end: string;
  readonly order: string | null;
}
const units: readonly Unit[] = [
  { product_id: 'prd_a', unit: 1, end: 'sold', order: sha('ord_1') },
  { product_id: 'prd_a', unit: 2, end: 'unsold', order: null },
  { product_id: 'prd_b', unit: 1, end: 'sold', order: sha('ord_2') },
];
/** A list of units with its signature, as it is published. */
function signed(list: readonly Unit[], privateKey = keys.privateKey, of = `units ${sale}`) {
  const rows = list.map((u) => `${u.product_id} ${u.unit} ${u.end} ${u.order ?? '-'}\n`);
  const text = Buffer.from(`${of} ${sha(rows.join(''))}`);
  return { units: list, units_signature: sign(null, text, privateKey).toString('base64url') };
}

const beacon = Buffer.from('a public value');
const source = 'round 7 of somewhere';
const document = (): Document => ({
  limits: 'what it shows',
  sale_id: sale,
  mode: 'draw',
  seed_commitment: `sha256:${sha(seed)}`,
  seed: seed.toString('hex'),
  beacon: beacon.toString('hex'),
  beacon_source: source,
  bell_at: '2030-06-01T12:00:00.000Z',
  root: root.toString('hex'),
  entrant_count: entrants.length,
  receipt_key: keys.publicKey.export({ format: 'jwk' }).x,
  entries: sizes.map((count, i) => ({ position: `2-${i * 10}`, count })),
  entrants: entrants.map((e) => e.toString('hex')),
  numbers: numbers(beacon),
  ...signed(units),
});

function receiptOf(index: number, entry: number): Document {
  const digest = sha(Buffer.concat(membersOf(entry)));
  const position = `2-${entry * 10}`;
  const text = Buffer.from(sale + position + digest);
  const signature = sign(null, text, keys.privateKey).toString('base64url');
  return {
    id: tickets[index],
    number: numbers(beacon)[index],
    receipt: { position, index, digest, signature },
  };
}

/** Names of the checks that fail, and what they say. */
function failures(of: Document, receipt: Document = receiptOf(5, 2)): string[] {
  const proof = readProofFile(of);
  const own = numbersOf(proof);
  return [
    checkSeed(proof, new Map([['the sale', `sha256:${sha(seed)}`]])),
    checkList(proof),
    checkRoot(proof),
    checkBeacon(proof, source),
    checkNumbers(proof, own),
    checkUnits(proof),
    checkReceipt(proof, readReceiptFile(receipt), own),
  ]
    .filter(({ ok }) => ok === false)
    .map(({ name, says }) => `${name}: ${says}`);
}

const without = (list: unknown, at: number): unknown[] =>
  (list as unknown[]).filter((_, i) => i !== at);
const swapped = (list: unknown, a: number, b: number): unknown[] => {
  const copy = [...(list as unknown[])];
  [copy[a], copy[b]] = [copy[b], copy[a]];
  return copy;
};
const changed = (at: number, more: Partial<Unit>): Unit[] =>
  units.map((unit, i) => (i === at ? { ...unit, ...more } : unit));
const other = generateKeyPairSync('ed25519');
const notSigned = /^units: the list of units is not what was signed$/;
const flipped = (hex: unknown): string =>
  `${(hex as string).startsWith('0') ? '1' : '0'}${(hex as string).slice(1)}`;

describe('a proof', () => {
  it('that holds passes, with receipts of every entry', () => {
    for (const [index, entry] of [
      [0, 0],
      [3, 1],
      [8, 2],
    ] as const) {
      expect(failures(document(), receiptOf(index, entry))).toEqual([]);
    }
  });

  it('that was not asked what its sale names needs a source for a beacon all the same', () => {
    const chosen = readProofFile({ ...document(), beacon_source: null });
    expect(checkBeacon(chosen, undefined).ok).toBe(false);
    const none = readProofFile({ ...document(), beacon_source: null, beacon: '' });
    expect(checkBeacon(none, undefined).ok).toBe(true);
  });

  it('without the beacon that it names is wrong, or says so itself', () => {
    const none = { ...document(), beacon: '' };
    expect(checkBeacon(readProofFile(none), source).ok).toBe(false);
    const said = checkBeacon(readProofFile({ ...none, beacon_skipped: true }), source);
    expect(said).toMatchObject({
      ok: null,
      says: expect.stringContaining('drawn without') as string,
    });
    const chosen = readProofFile({ ...none, beacon_skipped: true });
    expect(checkBeacon(chosen, 'another').ok).toBe(false);
  });

  it('of nobody holds too', () => {
    const empty = { entrants: [], entries: [], numbers: [], root: '', entrant_count: 0 };
    const proof = readProofFile({ ...document(), ...empty });
    expect([checkList(proof), checkRoot(proof)].map(({ ok }) => ok)).toEqual([true, true]);
    expect(checkNumbers(proof, numbersOf(proof)).ok).toBe(true);
  });

  it('of a sale without a line has nobody in it, and the sale says so too', () => {
    const empty = { entrants: [], entries: [], numbers: [], root: '', entrant_count: 0 };
    const none = { mode: 'open', beacon: '', beacon_source: null };
    const proof = readProofFile({ ...document(), ...empty, ...none });
    const list = { ok: true, says: 'the sale had no line' };
    expect(checkList(proof, 'open')).toMatchObject(list);
    expect(checkList(proof)).toMatchObject(list);
    expect(checkRoot(proof).ok).toBe(true);
    expect(checkBeacon(proof, null).ok).toBe(true);
    expect(checkNumbers(proof, numbersOf(proof)).ok).toBe(true);
    expect(checkList(proof, 'queue')).toMatchObject({
      ok: false,
      says: 'the sale says queue, the proof open',
    });
  });

  it('whose seed waits for its beacon is not complete, and nothing of it is wrong', () => {
    const waiting: Document = { ...document(), seed: null, beacon: null };
    delete waiting['numbers'];
    expect(failures(waiting)).toEqual([]);
    const proof = readProofFile(waiting);
    expect(checkSeed(proof, new Map()).ok).toBeNull();
    expect(checkBeacon(proof, source).ok).toBeNull();
    expect(checkNumbers(proof, numbersOf(proof)).ok).toBeNull();
  });
});

it('without units is told by what its sale says', () => {
  const proof = readProofFile({ ...document(), units: undefined, units_signature: undefined });
  expect(checkUnits(proof)).toMatchObject({
    ok: null,
    says: expect.stringContaining('not in the file') as string,
  });
  expect(checkUnits(proof, false).ok).toBeNull();
  expect(checkUnits(proof, true)).toMatchObject({
    ok: null,
    says: 'the sale is closed, its list of units is not there yet',
  });
  expect(checkUnits(readProofFile(document()), true).ok).toBe(true);
});

describe('a proof that was tampered with fails', () => {
  it.each([
    ['another seed', (d) => ({ seed: flipped(d['seed']) }), /^seed: its commitment is/],
    [
      'another seed with its own commitment',
      (d) => ({
        seed: flipped(d['seed']),
        seed_commitment: `sha256:${sha(Buffer.from(flipped(d['seed']), 'hex'))}`,
      }),
      /^seed: the sale says/,
    ],
    ['a beacon of no source', () => ({ beacon_source: null }), /^beacon: the sale names round 7/],
    ['a beacon of another source', () => ({ beacon_source: 'mine' }), /^beacon: the sale names/],
    ['no beacon, though one was named', () => ({ beacon: '' }), /^beacon: round 7 .* missing/],
    [
      'two entries at one position',
      (d) => ({ entries: (d['entries'] as object[]).map((e) => ({ ...e, position: '2-0' })) }),
      /^list: entry 2-0 is not behind 2-0/,
    ],
    ['another beacon', (d) => ({ beacon: flipped(d['beacon']) }), /^numbers: ticket \d/],
    ['no line, with those in it', () => ({ mode: 'open' }), /^list: it has 9 tickets of a sale/],
    ['another root', (d) => ({ root: flipped(d['root']) }), /^root: the list leads to/],
    ['somebody left out', (d) => ({ entrants: without(d['entrants'], 4) }), /^list: its entries/],
    [
      'somebody left out, and the counts with him',
      (d) => ({
        entrants: without(d['entrants'], 4),
        entries: [3, 1, 4].map((count, i) => ({ position: `2-${i * 10}`, count })),
        entrant_count: 8,
      }),
      /^root: /,
    ],
    [
      'somebody added at the end',
      (d) => ({
        entrants: [...(d['entrants'] as string[]), sha('a friend')],
        entries: [3, 1, 6].map((count, i) => ({ position: `2-${i * 10}`, count })),
        entrant_count: 10,
      }),
      /^root: /,
    ],
    ['two who changed places', (d) => ({ entrants: swapped(d['entrants'], 0, 5) }), /^root: /],
    [
      'somebody twice',
      (d) => ({
        entrants: (d['entrants'] as string[]).with(1, (d['entrants'] as string[])[0] ?? ''),
      }),
      /^list: ticket 1 is there twice/,
    ],
    ['entries in another order', (d) => ({ entries: swapped(d['entries'], 0, 2) }), /^list: entry/],
    [
      'entries cut elsewhere',
      () => ({ entries: [4, 5].map((count, i) => ({ position: `2-${i}`, count })) }),
      /^root: /,
    ],
    ['another count at the bell', () => ({ entrant_count: 8 }), /^list: the bell counted 8/],
    [
      'two numbers swapped',
      (d) => ({ numbers: swapped(d['numbers'], 2, 3) }),
      /^numbers: ticket 2/,
    ],
    [
      'a number missing',
      (d) => ({ numbers: without(d['numbers'], 8) }),
      /^numbers: the proof has 8/,
    ],
    [
      'a unit sold twice',
      () => signed([...units, ...units.slice(0, 1)]),
      /^units: prd_a 1 is there twice/,
    ],
    [
      'a unit sold to nobody',
      () => signed([{ product_id: 'prd_a', unit: 1, end: 'sold', order: null }]),
      /^units: prd_a 1 is malformed/,
    ],
    [
      'two units in one, of the same text',
      (d) => ({
        ...d,
        units: [{ ...units[1], product_id: `prd_a 1 sold ${sha('ord_1')}\nprd_a` }, units[2]],
      }),
      /^units: prd_a 1 sold [^]* 2 is malformed/,
    ],
    ['a unit left out', () => ({ units: without(units, 1) }), notSigned],
    ['all units left out', () => ({ units: [] }), notSigned],
    ['units in another order', () => ({ units: swapped(units, 0, 2) }), notSigned],
    ['a unit added', () => ({ units: [...units, { ...units[2], unit: 2 }] }), notSigned],
    ['a unit of another order', () => ({ units: changed(0, { order: sha('ord_3') }) }), notSigned],
    ['a unit of another number', () => ({ units: changed(1, { unit: 3 }) }), notSigned],
    [
      'a sold unit that is told as unsold',
      () => ({ units: changed(0, { end: 'unsold', order: null }) }),
      notSigned,
    ],
    ['units without a signature', () => ({ units_signature: undefined }), notSigned],
    ['units with none for a signature', () => ({ units_signature: null }), notSigned],
    ['units that another key signed', () => signed(units, other.privateKey), notSigned],
    ['units of another sale', () => signed(units, keys.privateKey, 'units sal_1'), notSigned],
    ['units signed as something else', () => signed(units, keys.privateKey, sale), notSigned],
    [
      'another key, and units that it signed',
      () => ({
        ...signed([], other.privateKey),
        receipt_key: other.publicKey.export({ format: 'jwk' }).x,
      }),
      /^receipt: it was not signed/,
    ],
    ['a signature of no units', () => ({ units: undefined }), /^units: their signature is there/],
    [
      'another key of receipts',
      () => ({ receipt_key: generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x }),
      /^receipt: it was not signed/,
    ],
    [
      'an entry that receipts name under another position',
      () => ({ entries: sizes.map((count, i) => ({ position: `3-${i * 10}`, count })) }),
      /^receipt: the list has no entry 2-20/,
    ],
  ] as [string, (d: Document) => Document, RegExp][])('%s', (_what, tamper, says) => {
    const own = document();
    expect(failures({ ...own, ...tamper(own) }).join('\n')).toMatch(new RegExp(says, 'm'));
  });

  it.each([
    ['a mode that is none', { mode: undefined }, /`mode` is none of/],
    ['a seed of another length', { seed: 'abcd' }, /`seed` has 2 bytes/],
    ['an entrant that is none', { entrants: ['zz'] }, /`entrants.0`/],
    ['no list', { entries: 'none' }, /`entries` is no list/],
    ['a bell at no time', { bell_at: 'noon' }, /`bell_at` is no time/],
    ['a number that is none', { numbers: ['1'] }, /`numbers.0`/],
  ])('%s', (_what, more, says) => {
    const read = () => readProofFile({ ...document(), ...more });
    expect(read).toThrow(Unreadable);
    expect(read).toThrow(says);
  });
});

describe('a receipt fails', () => {
  const tampered = (more: Document, top: Document = {}): Document => {
    const { receipt, ...rest } = receiptOf(5, 2);
    return { ...rest, ...top, receipt: { ...(receipt as Document), ...more } };
  };
  it.each([
    ['with another place', tampered({ index: 4 }), /place 4 is another's/],
    ['with a place in another entry', tampered({ index: 0 }), /tickets 4 to 8, not 0/],
    ['with another position', tampered({ position: '2-10' }), /not signed.*entry 2-10 is not what/],
    ['with another digest', tampered({ digest: sha('x') }), /not signed.*is not what was signed/],
    ['with no signature', tampered({ signature: '' }), /not signed/],
    ['of another ticket', tampered({}, { id: tickets[6] }), /place 5 is another's/],
    ['with another number', tampered({}, { number: 99 }), /its number is \d, not 99/],
  ] as [string, Document, RegExp][])('%s', (_what, receipt, says) => {
    expect(failures(document(), receipt).join('\n')).toMatch(says);
  });

  it('when it is none', () => {
    expect(() => readReceiptFile({ id: 'tkt_1', receipt: null })).toThrow(/has no receipt/);
    expect(() => readReceiptFile([])).toThrow(Unreadable);
  });
});
