/**
 * The audit's own reader of MessagePack: what Redis's cmsgpack writes, and nothing of the library
 * that the engine packs and unpacks with. Integers beyond 2^53 and extensions throw.
 */

class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  skip(length: number): number {
    const from = this.at;
    this.at += length;
    if (this.at > this.bytes.length) throw new Error('msgpack: cut off');
    return from;
  }
}

/** Reads one value; throws when bytes are missing or left over. */
export function decode(bytes: Buffer): unknown {
  const cursor = new Cursor(bytes);
  const value = read(cursor);
  if (cursor.at !== bytes.length) throw new Error('msgpack: more than one value');
  return value;
}

function read(c: Cursor): unknown {
  const tag = c.bytes.readUInt8(c.skip(1));
  if (tag < 0x80) return tag;
  if (tag >= 0xe0) return tag - 0x100;
  if (tag < 0x90) return readMap(c, tag & 0x0f);
  if (tag < 0xa0) return readArray(c, tag & 0x0f);
  if (tag < 0xc0) return readText(c, tag & 0x1f);
  return readTagged(c, tag);
}

function readTagged(c: Cursor, tag: number): unknown {
  const { bytes } = c;
  switch (tag) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xca:
      return bytes.readFloatBE(c.skip(4));
    case 0xcb:
      return bytes.readDoubleBE(c.skip(8));
    case 0xcc:
      return bytes.readUInt8(c.skip(1));
    case 0xcd:
      return bytes.readUInt16BE(c.skip(2));
    case 0xce:
      return bytes.readUInt32BE(c.skip(4));
    case 0xcf:
      return safe(bytes.readBigUInt64BE(c.skip(8)));
    case 0xd0:
      return bytes.readInt8(c.skip(1));
    case 0xd1:
      return bytes.readInt16BE(c.skip(2));
    case 0xd2:
      return bytes.readInt32BE(c.skip(4));
    case 0xd3:
      return safe(bytes.readBigInt64BE(c.skip(8)));
    default:
      return readLong(c, tag);
  }
}

/** Texts, arrays and maps whose length does not fit into the tag. */
function readLong(c: Cursor, tag: number): unknown {
  const { bytes } = c;
  switch (tag) {
    case 0xc4:
    case 0xd9:
      return readText(c, bytes.readUInt8(c.skip(1)));
    case 0xc5:
    case 0xda:
      return readText(c, bytes.readUInt16BE(c.skip(2)));
    case 0xc6:
    case 0xdb:
      return readText(c, bytes.readUInt32BE(c.skip(4)));
    case 0xdc:
      return readArray(c, bytes.readUInt16BE(c.skip(2)));
    case 0xdd:
      return readArray(c, bytes.readUInt32BE(c.skip(4)));
    case 0xde:
      return readMap(c, bytes.readUInt16BE(c.skip(2)));
    case 0xdf:
      return readMap(c, bytes.readUInt32BE(c.skip(4)));
    default:
      throw new Error(`msgpack: tag 0x${tag.toString(16)}`);
  }
}

function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Error(`msgpack: ${value} is not a safe integer`);
  return number;
}

function readText(c: Cursor, length: number): string {
  const from = c.skip(length);
  return c.bytes.toString('utf8', from, from + length);
}

function readArray(c: Cursor, length: number): unknown[] {
  const list: unknown[] = [];
  for (let i = 0; i < length; i++) list.push(read(c));
  return list;
}

function readMap(c: Cursor, length: number): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (let i = 0; i < length; i++) {
    const key = read(c);
    map.set(key, read(c));
  }
  return map;
}
