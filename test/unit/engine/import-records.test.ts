/** How an imported file is cut into records, at whatever place its bytes are parted. */
import { describe, expect, it } from 'vitest';
import { RecordReader, recordMaxBytes } from '../../../engine/imports/records.ts';
import type { ImportFormat } from '../../../engine/imports/records.ts';

interface Cut {
  readonly text: string;
  readonly end: number;
  readonly fault: string | null;
}

function cut(format: ImportFormat, file: Buffer | string, step: number): Cut[] {
  const bytes = Buffer.from(file);
  const reader = new RecordReader(format, 0);
  const found: Cut[] = [];
  for (let at = 0; at <= bytes.length; at += step) {
    reader.push(bytes.subarray(at, at + step));
    if (at + step > bytes.length) reader.end();
    for (let record = reader.next(); record !== null; record = reader.next()) {
      found.push({ text: record.bytes.toString(), end: record.end, fault: record.fault });
    }
  }
  return found;
}

const texts = (cuts: readonly Cut[]) => cuts.map(({ text, fault }) => fault ?? text);
const long = 'x'.repeat(recordMaxBytes + 1);
const twoMega = 'x'.repeat(2 * 1024 * 1024);

const cases: readonly (readonly [string, ImportFormat, string, readonly string[]])[] = [
  ['lines', 'ndjson', '{}\n[]\n', ['{}', '[]']],
  ['no last line end', 'ndjson', '{}\n[]', ['{}', '[]']],
  ['CR LF and empty lines', 'ndjson', '\r\n{}\r\n \n\n[]\r\n', ['{}', '[]']],
  ['nothing', 'ndjson', '', []],
  ['quotes mean nothing', 'ndjson', '"\n"\n', ['"', '"']],
  ['a line that is too long', 'ndjson', `1\n${long}\n2\n`, ['1', 'too_long', '2']],
  ['a line of 2 MB', 'ndjson', `1\n${twoMega}\n2`, ['1', 'too_long', '2']],
  ['the last line too long', 'ndjson', `1\n${twoMega}`, ['1', 'too_long']],
  ['records', 'csv', 'a,b\n1,2\n', ['a,b', '1,2']],
  ['line ends within quotes', 'csv', 'a\n"1\n2",3\n4\n', ['a', '"1\n2",3', '4']],
  ['doubled quotes', 'csv', '"a ""b""\nc"\nd', ['"a ""b""\nc"', 'd']],
  [
    'an open quote costs its line',
    'csv',
    `a\n"b\n${'c\n'.repeat(40_000)}`.trim(),
    ['a', 'open_quote'],
  ],
  ['an open quote at the end', 'csv', 'a\n"b', ['a', 'too_long']],
  ['a field of 2 MB', 'csv', `a\n"${twoMega}"\nb`, ['a', 'too_long', 'b']],
];

describe.each([1, 7, 1000, 65_536, 10_000_000])('in steps of %i bytes', (step) => {
  it.each(cases)('%s', (_, format, file, expected) => {
    // A byte at a time over two megabytes says nothing more.
    if (step < 1000 && file.length > 10_000) return;
    const found = cut(format, file, step);
    expect(texts(found).slice(0, expected.length)).toEqual(expected);
    const ends = found.map(({ end }) => end);
    expect(ends).toEqual([...ends].sort((a, b) => a - b));
  });
});

it('goes on from the end of any record as if it had never stopped', () => {
  const file = Buffer.from(`a,b\n"1\n2",x\n\n3,"y"\n"open\nlast,1\n`);
  const whole = cut('csv', file, file.length);
  for (const { end } of whole) {
    const reader = new RecordReader('csv', end);
    reader.push(file.subarray(end));
    reader.end();
    const rest: number[] = [];
    for (let r = reader.next(); r !== null; r = reader.next()) rest.push(r.end);
    expect(rest).toEqual(whole.map((one) => one.end).filter((other) => other > end));
  }
});
