/** How values come out of Postgres: whole, or not at all. */
import { types } from 'pg';

const int8Oid = 20;
/** Not among the ids that the typings know. */
const int8ArrayOid = 1016 as number;
const dateOid = 1082;

/** What pg hands us for the types that it would turn into something lossy. */
export function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (format !== 'binary') {
    if (oid === int8Oid) return safeInteger;
    if (oid === int8ArrayOid) return safeIntegers;
    if (oid === dateOid) return (value) => value;
  }
  return types.getTypeParser(oid, format) as (value: string) => unknown;
}

function safeInteger(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`int8 ${value} is not a safe integer`);
  return number;
}

type Nested = (string | null | Nested)[];

function safeIntegers(value: string): unknown {
  const parse = types.getTypeParser(int8ArrayOid) as (value: string) => Nested;
  const convert = (list: Nested): unknown[] =>
    list.map((v) => (v === null ? null : Array.isArray(v) ? convert(v) : safeInteger(v)));
  return convert(parse(value));
}
