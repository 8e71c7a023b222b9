/**
 * The two subprotocols. Messages are made as JSON text; the other form is packed from it, so both say
 * the same.
 */
import { Packr, Unpackr } from 'msgpackr';
import { decodeUtf8 } from '../../platform/http/text.ts';

export type Form = 'json' | 'msgpack';

export const protocols: Readonly<Record<string, Form>> = {
  'highnoon.v1.json': 'json',
  'highnoon.v1.msgpack': 'msgpack',
};

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

export type Frame = string | Uint8Array;

/** `json` is an object's text. */
export function frameOf(form: Form, json: string): Frame {
  if (form === 'json') return json;
  // A copy: the packer's memory is used again.
  return new Uint8Array(packr.pack(JSON.parse(json)));
}

/** Undefined when it is not one value in this form. */
export function valueOf(form: Form, bytes: Uint8Array, isBinary: boolean): unknown {
  if (isBinary !== (form === 'msgpack')) return undefined;
  try {
    if (form === 'msgpack') return unpackr.unpack(Buffer.from(bytes));
    const text = decodeUtf8(bytes);
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object's text with a member put before the others. */
export const withMember = (member: string, json: string): string =>
  json === '{}' ? `{${member}}` : `{${member},${json.slice(1)}`;
