// The judge of a drill's lines: what keeps its promises passes, and each promise broken once is named.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KnownTicket } from '../../drill/history.ts';
import {
  judgeLines,
  type HeldRow,
  type LineRow,
  type LineRows,
  type TicketRow,
} from '../../drill/judge-line.ts';
import { predictDraw } from '../../support/line-draw.ts';

const sale = 'sal_0000000000000000';
const accounts = ['sho_0', 'sho_1', 'sho_2', 'sho_3'];
const bell = 3;
const seed = '5eed'.repeat(16);
const idOf = (index: number): string => `tkt_${index}`;
const ids = accounts.map((_, index) => idOf(index));

const sha256 = (...parts: readonly (Buffer | string)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

// Two joined in one entry, one in the next, one after the bell.
const entries = [
  { first: 0, count: 2 },
  { first: 2, count: 1 },
  { first: 3, count: 1 },
];
const [a, b, c] = ids.map((id) => sha256(id)) as [Buffer, Buffer, Buffer];
const root = sha256(sha256(a, b), c).toString('hex');
const { numbers } = predictDraw({ tickets: ids, entries, bell, seed, root });
const numberOf = (index: number): number => numbers.get(index) ?? 0;
/** The place that is served as the first, the second and so on. */
const placeOf = (number: number): number => ids.findIndex((_, index) => numberOf(index) === number);

/** Turns begin by number, at 1100, 1200 and so on, and each ends 50 ms later with its hold. */
const admittedAt = (index: number): number => 1000 + 100 * numberOf(index);

const ticket = (index: number, more: Partial<TicketRow> = {}): TicketRow => ({
  ...{ id: idOf(index), sale, index, shopper: `sho_${index}`, state: 'finished' },
  ...{ joined: 10 * index, admitted: admittedAt(index), ended: admittedAt(index) + 50 },
  ...{ over: true, ...more },
});

const held = (index: number, more: Partial<HeldRow> = {}): HeldRow => ({
  ...{ id: `ord_${index}`, sale, shopper: `sho_${index}`, at: admittedAt(index) + 50 },
  ...more,
});

const line: LineRow = {
  ...{ sale, bell, seed, root, entries },
  given: ids.slice(0, bell).map((_, index) => [index, numberOf(index)] as const),
};

const told = (index: number, more: Partial<KnownTicket> = {}): KnownTicket => ({
  ...{ id: idOf(index), sale, shopper: index, askedAt: 0, answeredAt: 1 },
  ...{ number: numberOf(index), state: 'finished', ...more },
});

function judged(more: Partial<LineRows> = {}, tellings: readonly KnownTicket[] = []): string[] {
  const tickets = ids.map((_, index) => ticket(index));
  const rows = { tickets, lines: [line], held: ids.map((_, index) => held(index)), ...more };
  const known = [...ids.map((_, index) => told(index)), ...tellings];
  const history = { tickets: new Map(known.map((one) => [one.id, one])) };
  return judgeLines(rows, history, accounts).map(({ what }) => what);
}

/** All tickets, those at these places changed. */
const changed = (...those: readonly (readonly [number, Partial<TicketRow>])[]): TicketRow[] => {
  const changes = new Map(those);
  return ids.map((_, index) => ticket(index, changes.get(index)));
};

const [first, second] = [placeOf(1), placeOf(2)];

describe('the judge of a line', () => {
  it('has nothing against a line that was kept', () => {
    expect(judged()).toEqual([]);
    // One who left is passed, one who let their turn lapse held nothing, one still waits at the end.
    const tickets = changed(
      [first, { state: 'left', admitted: Infinity, ended: 1050 }],
      [second, { state: 'lapsed' }],
      [3, { state: 'waiting', admitted: Infinity, ended: Infinity }],
    );
    const holds = [held(placeOf(3))];
    const tellings = [
      told(first, { state: 'left' }),
      told(second, { state: 'admitted' }),
      told(3, { state: 'waiting' }),
    ];
    expect(judged({ tickets, held: holds }, tellings)).toEqual([]);
  });

  it('knows that a ticket without an end lapses with its sale, and with nothing else', () => {
    const waits = { state: 'waiting', admitted: Infinity, ended: Infinity };
    const held3 = ids.slice(0, 3).map((_, index) => held(index));
    const tellings = [told(3, { state: 'lapsed' })];
    expect(judged({ tickets: changed([3, waits]), held: held3 }, tellings)).toEqual([]);
    const open = changed([3, { ...waits, over: false }]);
    const says = `I5: ${idOf(3)} was lapsed, is stored as waiting`;
    expect(judged({ tickets: open, held: held3 }, tellings)).toEqual([says]);
  });

  it('does not ask for numbers before the bell', () => {
    const waiting = { state: 'waiting', admitted: Infinity, ended: Infinity };
    const tickets = ids.map((_, index) => ticket(index, waiting));
    const tellings = ids.map((_, index) => told(index, { number: null, state: 'waiting' }));
    expect(judged({ tickets, lines: [], held: [] }, tellings)).toEqual([]);
  });

  it.each<[string, Partial<LineRows>, string]>([
    ['a place is left out', { tickets: changed([3, { index: 4 }]) }, 'has place 4, not 3'],
    ['somebody is in two', { tickets: changed([3, { shopper: 'sho_0' }]) }, 'is a second one'],
    [
      'the list is not what was committed to',
      { lines: [{ ...line, root: '00'.repeat(32) }] },
      'the tickets do not lead to its root',
    ],
    [
      'an entry is missing in the list',
      { lines: [{ ...line, entries: entries.slice(1) }] },
      'an entry begins at 2, not at 0',
    ],
    [
      'a number is not what the seed says',
      { lines: [{ ...line, given: [[first, 2]] }] },
      `${idOf(first)} has number 2, not 1`,
    ],
    [
      'another has a turn before whoever comes first',
      { tickets: changed([first, { admitted: 1250, ended: 1300 }]), held: [] },
      `${idOf(first)} was passed by`,
    ],
    [
      'one who waits has none at all',
      { tickets: changed([first, { state: 'waiting', admitted: Infinity, ended: Infinity }]) },
      `${idOf(first)} was passed by`,
    ],
    ['a hold comes before the turn', { held: [held(3, { at: 1000 })] }, 'without a turn'],
    ['a hold comes after its end', { held: [held(3, { at: 9000 })] }, 'without a turn'],
    ['the hold is of somebody else', { held: [held(3, { shopper: 'sho_9' })] }, 'without a turn'],
  ])('sees that %s', (_, rows, says) => {
    expect(judged(rows).filter((what) => what.includes(says))).not.toEqual([]);
  });

  it.each<[string, Partial<KnownTicket>, string]>([
    ['a ticket that is nowhere', { id: 'tkt_9' }, 'was told, and is in no store'],
    ["another's ticket", { shopper: 2 }, 'belongs to sho_3'],
    ['an end that is not stored', { state: 'left' }, 'was left, is stored as finished'],
    ['a number that is not theirs', { number: 2 }, `was told number 2, has 4`],
  ])('sees that somebody was told of %s', (_, telling, says) => {
    expect(judged({}, [told(3, telling)])).toEqual([expect.stringContaining(says)]);
  });

  it('sees that somebody was told of a turn that they did not have', () => {
    const tickets = changed([3, { state: 'lapsed', admitted: Infinity }]);
    const found = judged({ tickets, held: [] }, [told(3, { state: 'admitted' })]);
    expect(found).toContain(`I5: ${idOf(3)} was told of a turn, and had none`);
  });
});
