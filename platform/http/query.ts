/**
 * The query string, read strictly: one value per name, nothing malformed, no prototype. A number is
 * decimal digits and nothing else; what is not one stays text, and the schema then refuses it.
 */
import { problem } from './problems.ts';
import type { ProblemInput } from './problems.ts';
import type { JsonSchema } from './route.ts';
import { isSchema } from './schema-walk.ts';
import { badString, decodePercent } from './text.ts';

export type QueryValues = Record<string, unknown>;

const parametersMax = 64;

/** `list`: may be repeated, or hold a list with commas. What is text has no kind. */
export type ParameterKind = 'list' | 'number' | 'flag';
export type ParameterKinds = ReadonlyMap<string, ParameterKind>;

const kindOfType: ReadonlyMap<unknown, ParameterKind> = new Map([
  ['array', 'list'],
  ['integer', 'number'],
  ['number', 'number'],
  ['boolean', 'flag'],
]);

/** By the names of a query's schema. */
export function parameterKinds(schema: JsonSchema | undefined): ParameterKinds {
  const kinds = new Map<string, ParameterKind>();
  const properties = schema?.['properties'];
  if (!isSchema(properties)) return kinds;
  for (const [name, property] of Object.entries(properties)) {
    const kind = isSchema(property) ? kindOfType.get(property['type']) : undefined;
    if (kind !== undefined) kinds.set(name, kind);
  }
  return kinds;
}

export const emptyQuery: Readonly<QueryValues> = Object.freeze(bare());

/** Values by name, each as its kind says where it is one; or the problem with it. */
export function parseQuery(
  raw: string,
  kinds: ParameterKinds,
): { values: QueryValues } | { problem: ProblemInput } {
  const values = bare();
  const pairs = raw.split('&', parametersMax + 1);
  if (pairs.length > parametersMax) return bad('', `more than ${parametersMax} parameters`);
  for (const pair of pairs) {
    if (pair === '') continue;
    const cut = pair.indexOf('=');
    const name = decode(cut < 0 ? pair : pair.slice(0, cut));
    const value = decode(cut < 0 ? '' : pair.slice(cut + 1));
    if (name === undefined) return bad('', 'a parameter’s name is malformed');
    if (value === undefined) return bad(name, `\`${name}\` is malformed`);
    const kind = kinds.get(name);
    if (kind === 'list') {
      values[name] = [...((values[name] as string[] | undefined) ?? []), ...value.split(',')];
    } else if (name in values) {
      return bad(name, `\`${name}\` is given twice`);
    } else {
      values[name] = valueOf(value, kind);
    }
  }
  return { values };
}

// Not what JavaScript takes for a number: `1e1`, `0x5`, ` 5` and `` are none here.
const numberPattern = /^-?\d+(\.\d+)?$/;

function valueOf(text: string, kind: ParameterKind | undefined): unknown {
  if (kind === 'number' && numberPattern.test(text)) return Number(text);
  if (kind === 'flag' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function bare(): QueryValues {
  return Object.create(null) as QueryValues;
}

function decode(text: string): string | undefined {
  const decoded = decodePercent(text.includes('+') ? text.replaceAll('+', ' ') : text);
  return decoded === undefined || badString(decoded) !== null ? undefined : decoded;
}

function bad(param: string, detail: string): { problem: ProblemInput } {
  return { problem: problem('invalid_request', detail, param === '' ? {} : { param }) };
}
