/**
 * Cuts an imported file into records while its bytes come: lines of NDJSON, records of CSV, where a
 * quoted field may hold line ends. What is wrong with one record costs that record only, and no
 * more than `recordMaxBytes` and the last bytes pushed are kept. Pure.
 */

export type ImportFormat = 'ndjson' | 'csv';

/** As the body of a registration. */
export const recordMaxBytes = 64 * 1024;

export interface FileRecord {
  /** Without its line end; empty where it is at fault. */
  readonly bytes: Buffer;
  /** Where the next record begins in the file. */
  readonly end: number;
  readonly fault: 'too_long' | 'open_quote' | null;
}

const lineEnd = 10;
const carriageReturn = 13;
const quote = 34;
const none = Buffer.alloc(0);

export class RecordReader {
  readonly #format: ImportFormat;
  #buffer: Buffer = none;
  /** Where in the buffer the next record begins. */
  #begin = 0;
  /** And in the file. */
  #position: number;
  /** Up to where its lines were looked at, and whether a quoted field is open there. */
  #seen = 0;
  #isOpen = false;
  /** The quote found last, or the buffer's length: there is none before it from `#seen` on. */
  #quoteAt = -1;
  #isLast = false;
  /** What comes up to the next line end belongs to a record that was given up. */
  #skips = false;

  /** `position` = where in the file the first bytes pushed are: the beginning of a record. */
  constructor(format: ImportFormat, position: number) {
    this.#format = format;
    this.#position = position;
  }

  /** Before anything was pushed: the first bytes pushed are there. */
  skipTo(position: number): void {
    this.#position = position;
  }

  push(bytes: Buffer): void {
    const left = this.#buffer.subarray(this.#begin);
    this.#buffer = left.length === 0 ? bytes : Buffer.concat([left, bytes]);
    this.#seen -= this.#begin;
    this.#begin = 0;
    this.#quoteAt = -1;
  }

  /** Nothing comes any more: what is left is the last record. */
  end(): void {
    this.#isLast = true;
  }

  /** The next record that is not empty; null = more bytes are needed, or there are none. */
  next(): FileRecord | null {
    for (;;) {
      if (!this.#skips) this.#passBlankLines();
      const record = this.#skips ? this.#skipped() : this.#cut();
      if (record === null) return null;
      if (record.fault !== null || !isBlank(record.bytes)) return record;
    }
  }

  /** A file may consist of them: none costs more than its bytes. */
  #passBlankLines(): void {
    const buffer = this.#buffer;
    for (let at = this.#begin; at < buffer.length; at += 1) {
      const byte = buffer[at];
      if (byte !== lineEnd) {
        if (!isBlankByte(byte)) return;
      } else if (at - this.#begin > recordMaxBytes) return;
      else this.#moveTo(at + 1);
    }
  }

  #cut(): FileRecord | null {
    const found = this.#recordEnd();
    const left = this.#buffer.length - this.#begin;
    if (found >= 0 && found <= recordMaxBytes) return this.#take(found, found + 1, null);
    if (found < 0 && left <= recordMaxBytes) {
      if (!this.#isLast) return null;
      if (isClosed(this.#format, this.#buffer.subarray(this.#begin))) {
        return left === 0 ? null : this.#take(left, left, null);
      }
    }
    const line = this.#lineEnd();
    if (line >= 0 && line <= recordMaxBytes) return this.#take(0, line + 1, 'open_quote');
    this.#skips = true;
    return this.#skipped();
  }

  /** The rest of a line that is too long, its end included. */
  #skipped(): FileRecord | null {
    const line = this.#lineEnd();
    if (line < 0 && !this.#isLast) {
      this.#moveTo(this.#buffer.length);
      return null;
    }
    this.#skips = false;
    return this.#take(0, line < 0 ? this.#buffer.length - this.#begin : line + 1, 'too_long');
  }

  #take(length: number, bytes: number, fault: FileRecord['fault']): FileRecord {
    const taken = this.#buffer.subarray(this.#begin, this.#begin + length);
    this.#moveTo(this.#begin + bytes);
    const isReturned = taken.at(-1) === carriageReturn;
    return { bytes: isReturned ? taken.subarray(0, -1) : taken, end: this.#position, fault };
  }

  /** A record begins there. */
  #moveTo(begin: number): void {
    // What was looked at as a part of a record that is none is looked at again: once, for it
    // takes more than `recordMaxBytes` without a quote.
    if (this.#seen > begin) this.#quoteAt = -1;
    this.#position += begin - this.#begin;
    this.#begin = begin;
    this.#seen = begin;
    this.#isOpen = false;
  }

  /** Of the first line, from the record's beginning; −1 = none. */
  #lineEnd(): number {
    const line = this.#buffer.indexOf(lineEnd, this.#begin);
    return line < 0 ? -1 : line - this.#begin;
  }

  /**
   * The first line end outside quotes, from the record's beginning; −1 = none. Quotes are doubled
   * within, so their number tells.
   */
  #recordEnd(): number {
    if (this.#format === 'ndjson') return this.#lineEnd();
    for (;;) {
      const line = this.#buffer.indexOf(lineEnd, this.#seen);
      if (line < 0) return -1;
      for (let at = this.#quote(this.#seen); at < line; at = this.#quote(at + 1)) {
        this.#isOpen = !this.#isOpen;
      }
      this.#seen = line + 1;
      const length = line - this.#begin;
      if (!this.#isOpen || length > recordMaxBytes) return length;
    }
  }

  /** The next quote from there on; the buffer's length = none. No byte is searched twice. */
  #quote(from: number): number {
    if (this.#quoteAt < from) {
      const found = this.#buffer.indexOf(quote, from);
      this.#quoteAt = found < 0 ? this.#buffer.length : found;
    }
    return this.#quoteAt;
  }
}

function isClosed(format: ImportFormat, buffer: Buffer): boolean {
  if (format === 'ndjson') return true;
  let quotes = 0;
  for (const byte of buffer) if (byte === quote) quotes += 1;
  return quotes % 2 === 0;
}

const isBlankByte = (byte: number | undefined): boolean =>
  byte === 32 || byte === 9 || byte === carriageReturn;

function isBlank(bytes: Buffer): boolean {
  return bytes.every(isBlankByte);
}
