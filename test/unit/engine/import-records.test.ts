/** How an imported file is cut into records, at whatever place its bytes are parted. */
import { afterEach, describe, expect, it } from 'vitest';
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

describe('a piece of tiny lines costs no more than its bytes', () => {
  const pieceBytes = 256 * 1024;
  const plain = Buffer.prototype as unknown as {
    indexOf: (this: Buffer, byte: number, from?: number) => number;
  };
  const { indexOf } = plain;
  let searched = 0;
  afterEach(() => {
    plain.indexOf = indexOf;
  });

  /** Counts the bytes that are searched; the old way would take minutes. */
  function countSearches(max: number): void {
    searched = 0;
    plain.indexOf = function (this: Buffer, byte: number, from = 0) {
      const at = indexOf.call(this, byte, from);
      searched += (at < 0 ? this.length : at + 1) - from;
      if (searched > max) throw new Error(`more than ${max} bytes searched`);
      return at;
    };
  }

  it.each([
    ['\n', 0],
    [' \r\n', 0],
    ['x\n', 131_072],
    ['""\n', 87_382],
    ['"a\nb",1\n', 32_768],
  ] as const)('of %j', (line, records) => {
    const file = Buffer.from(line.repeat(Math.ceil(pieceBytes / line.length)));
    const reader = new RecordReader('csv', 0);
    countSearches(3 * file.length);
    reader.push(file);
    reader.end();
    const ends: number[] = [];
    for (let record = reader.next(); record !== null; record = reader.next()) {
      if (record.fault === null) ends.push(record.end);
    }
    expect(ends).toHaveLength(records);
    expect(ends.at(-1) ?? file.length).toBe(file.length);
  });
});

it('says where a record ends behind empty lines, and takes it up in the next bytes', () => {
  const reader = new RecordReader('csv', 10);
  reader.push(Buffer.from('\n \n\n"a\n'));
  expect(reader.next()).toBeNull();
  reader.push(Buffer.from('b",1\n\n'));
  expect(reader.next()).toMatchObject({ bytes: Buffer.from('"a\nb",1'), end: 22, fault: null });
  expect(reader.next()).toBeNull();
});
