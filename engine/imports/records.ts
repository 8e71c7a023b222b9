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
  /** Of the first byte in the buffer. */
  #position: number;
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
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
  }

  /** Nothing comes any more: what is left is the last record. */
  end(): void {
    this.#isLast = true;
  }

  /** The next record that is not empty; null = more bytes are needed, or there are none. */
  next(): FileRecord | null {
    for (;;) {
      const record = this.#skips ? this.#skipped() : this.#cut();
      if (record === null) return null;
      if (record.fault !== null || !isBlank(record.bytes)) return record;
    }
  }

  #cut(): FileRecord | null {
    const buffer = this.#buffer;
    const found = this.#format === 'csv' ? recordEnd(buffer) : buffer.indexOf(lineEnd);
    if (found >= 0 && found <= recordMaxBytes) return this.#take(found, found + 1, null);
    if (found < 0 && !this.#isLast && buffer.length <= recordMaxBytes) return null;
    if (
      found < 0 &&
      this.#isLast &&
      buffer.length <= recordMaxBytes &&
      isClosed(this.#format, buffer)
    ) {
      return buffer.length === 0 ? null : this.#take(buffer.length, buffer.length, null);
    }
    const line = buffer.indexOf(lineEnd);
    if (line >= 0 && line <= recordMaxBytes) return this.#take(0, line + 1, 'open_quote');
    this.#skips = true;
    return this.#skipped();
  }

  /** The rest of a line that is too long, its end included. */
  #skipped(): FileRecord | null {
    const line = this.#buffer.indexOf(lineEnd);
    if (line < 0 && !this.#isLast) {
      this.#position += this.#buffer.length;
      this.#buffer = none;
      return null;
    }
    this.#skips = false;
    return this.#take(0, line < 0 ? this.#buffer.length : line + 1, 'too_long');
  }

  #take(length: number, bytes: number, fault: FileRecord['fault']): FileRecord {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(bytes);
    this.#position += bytes;
    const isReturned = taken.at(-1) === carriageReturn;
    return { bytes: isReturned ? taken.subarray(0, -1) : taken, end: this.#position, fault };
  }
}

/** The first line end outside quotes; −1 = none. Quotes are doubled within, so their number tells. */
function recordEnd(buffer: Buffer): number {
  let isOpen = false;
  let from = 0;
  for (;;) {
    const line = buffer.indexOf(lineEnd, from);
    if (line < 0) return -1;
    for (
      let at = buffer.indexOf(quote, from);
      at >= 0 && at < line;
      at = buffer.indexOf(quote, at + 1)
    ) {
      isOpen = !isOpen;
    }
    if (!isOpen || line > recordMaxBytes) return line;
    from = line + 1;
  }
}

function isClosed(format: ImportFormat, buffer: Buffer): boolean {
  if (format === 'ndjson') return true;
  let quotes = 0;
  for (const byte of buffer) if (byte === quote) quotes += 1;
  return quotes % 2 === 0;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || byte === 9 || byte === carriageReturn);
}
