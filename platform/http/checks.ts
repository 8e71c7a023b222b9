/**
 * What a request must pass before its handler: path, body, query, key. Each check writes what it
 * understood into the request and returns the problem with it, or null.
 */
import type { BoundRoute } from './bound.ts';
import { readIdempotencyKey } from './keys.ts';
import { problem } from './problems.ts';
import type { ProblemInput } from './problems.ts';
import { parseQuery } from './query.ts';
import { badString, badValue, decodePercent } from './text.ts';

/** The parts of a request that the checks fill in. */
export interface Checked {
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, unknown>>;
  body: unknown;
  readonly bodyText: string;
  idempotencyKey: string;
}

export function checkParams(
  into: Checked,
  bound: BoundRoute,
  raw: readonly string[],
): ProblemInput | null {
  const known = bound.knownParams?.get(raw[0] ?? '');
  if (known !== undefined) {
    into.params = known;
    return null;
  }
  const params: Record<string, string> = {};
  for (let i = 0; i < raw.length; i += 1) {
    const name = bound.paramNames[i] ?? '';
    const value = decodePercent(raw[i] ?? '');
    if (value === undefined || badString(value) !== null) {
      return problem('invalid_request', `\`${name}\` in the path is malformed`, { param: name });
    }
    params[name] = value;
  }
  into.params = params;
  const misfit = bound.params?.(params) ?? null;
  if (misfit !== null) return noSuchThing;
  bound.knownParams?.keep(raw[0] ?? '', params);
  return null;
}

export function checkBody(
  into: Checked,
  bound: BoundRoute,
  bytes: number,
  contentType: string,
  isUtf8: boolean,
): ProblemInput | null {
  if (bound.body === null) return null;
  const known = bound.knownBodies?.get(into.bodyText);
  if (known !== undefined && contentType === json) {
    into.body = known;
    return null;
  }
  const unread = bytes === 0 ? null : parseBody(into, bound, contentType, isUtf8);
  if (unread !== null) return unread;
  if (bytes === 0) into.body = {};
  const bad = bound.body(into.body);
  if (bad === null && bytes === 0 && bound.bodyRequired) {
    return problem('invalid_request', 'A JSON body is required.');
  }
  if (bad === null && bytes > 0) bound.knownBodies?.keep(into.bodyText, into.body);
  return bad;
}

function parseBody(
  into: Checked,
  bound: BoundRoute,
  contentType: string,
  isUtf8: boolean,
): ProblemInput | null {
  if (contentType !== json && !isJson(contentType)) {
    return problem('unsupported_media_type', 'Send the body as application/json in UTF-8.');
  }
  if (!isUtf8) return problem('invalid_request', 'The body is not valid UTF-8.');
  try {
    into.body = JSON.parse(into.bodyText);
  } catch {
    return problem('invalid_request', 'The body is not valid JSON.');
  }
  // Only what is escaped, or what no keyword looks at, can hold what JSON.parse let through.
  if (!bound.openBody && !into.bodyText.includes('\\u')) return null;
  const bad = badValue(into.body);
  if (bad === null) return null;
  const { param, detail } = bad;
  if (param === '') return problem('invalid_request', `the body: ${detail}`);
  return problem('invalid_request', `\`${param}\`: ${detail}`, { param });
}

export function checkQuery(
  into: Checked,
  bound: BoundRoute,
  rawQuery: string,
): ProblemInput | null {
  if (rawQuery === '' && bound.fitsWithoutQuery) return null;
  const parsed = parseQuery(rawQuery, bound.queryKinds);
  if ('problem' in parsed) return parsed.problem;
  into.query = parsed.values;
  if (bound.query !== null) return bound.query(parsed.values);
  const [param] = Object.keys(parsed.values);
  if (param === undefined) return null;
  return problem('unknown_field', 'This route takes no parameters in its query.', {
    param: param.slice(0, 64),
  });
}

export function checkKey(into: Checked, bound: BoundRoute, rawKey: string): ProblemInput | null {
  if (!bound.takesKey) return null;
  if (rawKey === '') {
    if (!bound.keyRequired) return null;
    return problem('idempotency_key_required', 'Send an Idempotency-Key header.', keyParam);
  }
  const key = readIdempotencyKey(rawKey);
  if (key === undefined) {
    const detail = 'Idempotency-Key takes 1 to 255 printable characters.';
    return problem('invalid_request', detail, keyParam);
  }
  into.idempotencyKey = key;
  return null;
}

const json = 'application/json';

/** An id that cannot be one is answered like one that nobody has. */
const noSuchThing = problem('not_found', 'There is no such thing.');
const keyParam = { param: 'Idempotency-Key' };

const jsonPattern = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

function isJson(contentType: string): boolean {
  return jsonPattern.test(contentType);
}
