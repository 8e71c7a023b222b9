/** The demo's picture: it fits 80 columns whatever the numbers, and shows nothing as nothing. */
import { describe, expect, it } from 'vitest';
import { bar, lineHead, lineOf, pictureOf, sparkline, width } from '../../../bench/demo/picture.ts';
import type { LineView, View } from '../../../bench/demo/picture.ts';
import { clip } from '../../../bench/demo/screen.ts';
import { crowdStates, Tally } from '../../../bench/demo/tally.ts';

const columns = 80;
const plain = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, '');
const part = (count: number, glyph: string) => ({
  count,
  glyph,
  name: '',
  paint: (t: string) => t,
});

function view(scale: number): View {
  const tally = new Tally(0);
  for (const state of crowdStates) tally.states.set(state, scale);
  for (let i = 0; i < 100; i++) tally.holdMs.add(scale / 10);
  tally.answers = scale;
  tally.refused.set('sold_out', scale);
  tally.refused.set('sale_not_started', scale);
  const counts = { allotted: scale, available: scale, held: scale, sold: scale };
  const ends = { expired: 0, released: 0, attempts: 0, in_doubt: { count: scale, age_ms: 0 } };
  return {
    shoppers: scale,
    units: scale,
    toBellMs: -scale,
    connections: scale,
    stats: { state: 'live', ...counts, ...ends },
    answersPerSecond: scale,
    pulse: Array.from({ length: width }, () => scale),
    tally,
    line: {
      numbered: scale,
      waiting: scale,
      serving: scale,
      cutLine: scale,
      chain: 'ab'.repeat(32),
    },
  };
}

describe('the picture', () => {
  it.each([0, 1, 20_000, 99_999])('fits the terminal when all numbers are %i', (scale) => {
    const lines = pictureOf(view(scale)).map(plain);
    for (const line of lines) expect(line.length, line).toBeLessThan(columns);
  });

  it.each([0, 20_000, 99_999])('is a table without a terminal, with %i', (scale) => {
    expect(lineOf(view(scale)).length).toBe(lineHead.length);
  });

  it('has a column of who waits, which is nobody’s without a line', () => {
    const from = lineHead.indexOf('waiting');
    const cell = (of: View) =>
      lineOf(of)
        .slice(from, from + 'waiting'.length)
        .trim();
    const some = view(20_000);
    expect(cell({ ...some, line: { ...some.line, waiting: 19_321 } as LineView })).toBe('19,321');
    expect(cell({ ...some, line: null })).toBe('-');
  });

  it('gives a cell to whatever there is', () => {
    expect(bar([part(1, 'a'), part(10_000, 'b')], 10)).toBe('abbbbbbbbb');
    expect(bar([part(0, 'a'), part(1, 'b')], 4)).toBe('bbbb');
    expect(bar([part(0, 'a')], 4)).toBe('    ');
  });

  it('shows each frame as high as its share of the highest', () => {
    expect(sparkline([0, 1, 50, 100])).toBe('▁▂▅█');
    expect(sparkline([0, 0])).toBe('▁▁');
  });
});

it('cuts a line by what is seen of it', () => {
  expect(clip('\u001b[31mabc\u001b[0mdef', 4)).toBe('\u001b[31mabc\u001b[0md');
});
