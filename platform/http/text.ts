/**
 * Text from outside: bytes to strings to JSON values, refusing what a store could not keep. NUL
 * cannot be stored by Postgres, a lone surrogate is no character, Infinity is no JSON.
 */
/** Deeper than this is no honest document; it also bounds our own recursion. */
const depthMax = 64;

// A third of the cost of going through Buffer. A byte order mark stays, and is then no JSON.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined when the bytes are not UTF-8. */
export function decodeUtf8(bytes: ArrayBuffer | Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Undefined when malformed: bad escapes, overlong or broken UTF-8. */
export function decodePercent(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export interface BadValue {
  /** `items.0.name`; '' is the whole. */
  readonly param: string;
  readonly detail: string;
}

/** What JSON can say but we cannot keep; null when all is well. */
export function badValue(value: unknown, path = '', depth = 0): BadValue | null {
  if (typeof value === 'string') {
    const detail = badString(value);
    return detail === null ? null : { param: path, detail };
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? null : { param: path, detail: 'the number is too large' };
  }
  if (typeof value !== 'object' || value === null) return null;
  if (depth >= depthMax) return { param: path, detail: `nested deeper than ${depthMax}` };
  return Array.isArray(value) ? badItem(value, path, depth) : badMember(value, path, depth);
}

function badItem(list: readonly unknown[], path: string, depth: number): BadValue | null {
  for (let i = 0; i < list.length; i += 1) {
    const bad = badValue(list[i], join(path, String(i)), depth + 1);
    if (bad !== null) return bad;
  }
  return null;
}

function badMember(object: object, path: string, depth: number): BadValue | null {
  for (const [key, value] of Object.entries(object)) {
    const detail = key === '__proto__' ? 'this name is not allowed' : badString(key);
    if (detail !== null) return { param: path, detail: `${JSON.stringify(key)}: ${detail}` };
    const bad = badValue(value, join(path, key), depth + 1);
    if (bad !== null) return bad;
  }
  return null;
}

export function badString(text: string): string | null {
  if (text.includes('\u0000')) return 'must not contain the NUL character';
  return isWellFormed(text) ? null : 'must not contain half a surrogate pair';
}

function isWellFormed(text: string): boolean {
  // Node 20 has it, the ES2023 typings do not.
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

function join(path: string, next: string): string {
  return path === '' ? next : `${path}.${next}`;
}
