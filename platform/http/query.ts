/** The query string, read strictly: one value per name, nothing malformed, no prototype. */
import { problem } from './problems.ts';
import type { ProblemInput } from './problems.ts';
import type { JsonSchema } from './route.ts';
import { isSchema } from './schema-walk.ts';
import { badString, decodePercent } from './text.ts';

export type QueryValues = Record<string, unknown>;

const parametersMax = 64;

/** Names whose schema is an array: they may be repeated, or hold a list with commas. */
export function listNames(schema: JsonSchema | undefined): ReadonlySet<string> {
  const properties = schema?.['properties'];
  if (!isSchema(properties)) return new Set();
  const entries = Object.entries(properties);
  return new Set(
    entries.filter(([, s]) => isSchema(s) && s['type'] === 'array').map(([name]) => name),
  );
}

export const emptyQuery: Readonly<QueryValues> = Object.freeze(bare());

/** Strings by name, or the problem with it. */
export function parseQuery(
  raw: string,
  lists: ReadonlySet<string>,
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
    if (lists.has(name)) {
      values[name] = [...((values[name] as string[] | undefined) ?? []), ...value.split(',')];
    } else if (name in values) {
      return bad(name, `\`${name}\` is given twice`);
    } else {
      values[name] = value;
    }
  }
  return { values };
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
