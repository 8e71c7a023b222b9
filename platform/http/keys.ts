/** Idempotency keys and request ids as they come in headers. */

const keyLengthMax = 255;

/**
 * An Idempotency-Key, bare (`abc`) or as a quoted string (`"abc"`): both are the same key.
 * Undefined when it is malformed; '' when it is absent.
 */
export function readIdempotencyKey(raw: string): string | undefined {
  if (raw === '') return '';
  const key = raw.startsWith('"') ? unquote(raw) : raw;
  if (key === undefined || key.length === 0 || key.length > keyLengthMax) return undefined;
  for (let i = 0; i < key.length; i += 1) {
    const code = key.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return undefined;
  }
  return key;
}

function unquote(raw: string): string | undefined {
  if (!/^"(?:[^"\\]|\\["\\])*"$/.test(raw)) return undefined;
  return raw.slice(1, -1).replace(/\\(["\\])/g, '$1');
}

const requestIdPattern = /^[A-Za-z0-9._:-]{1,64}$/;

/** Whether a caller's X-Request-Id may be used: it is echoed into headers, JSON and logs. */
export function isSaneRequestId(text: string): boolean {
  return requestIdPattern.test(text);
}

const idBlock = 1296;
const lastDigits = Array.from({ length: idBlock }, (_, i) => i.toString(36).padStart(2, '0'));

/** Unique ids of one length each: a counter behind the prefix, two of its digits from a table. */
export function requestIds(prefix: string): () => string {
  let block = 0;
  let blockText = '';
  let next = idBlock;
  return () => {
    if (next === idBlock) {
      blockText = prefix + block.toString(36).padStart(6, '0');
      block += 1;
      next = 0;
    }
    const id = blockText + (lastDigits[next] ?? '');
    next += 1;
    return id;
  };
}
