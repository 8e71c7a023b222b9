/**
 * The kinds of value an environment variable can have: each knows how to read its text and how to
 * finish the sentence "PORT: "abc" is not …".
 */

/**
 * @typedef {object} Kind
 * @property {string} expects completes "PORT: "abc" is not …"
 * @property {(text: string) => unknown} parse the value, or undefined when the text is not one
 */

export const portMax = 65535;

/** @param {number} min @param {number} max @returns {Kind} */
export function whole(min, max) {
  return {
    expects: `a whole number between ${min} and ${max}`,
    parse: (text) => {
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** @param {...string} words @returns {Kind} */
export function oneOf(...words) {
  return {
    expects: `one of ${words.join(', ')}`,
    parse: (text) => (words.includes(text) ? text : undefined),
  };
}

/** @param {RegExp} pattern @param {string} expects @returns {Kind} */
export function text(pattern, expects) {
  return { expects, parse: (value) => (pattern.test(value) ? value : undefined) };
}

/** @param {string[]} protocols @returns {Kind} */
export function url(...protocols) {
  return {
    expects: `a url that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    parse: (value) => {
      const parsed = parseUrl(value);
      return parsed && protocols.includes(parsed.protocol) && parsed.hostname ? value : undefined;
    },
  };
}

/** @param {(item: string) => unknown} parseItem @param {string} expects @returns {Kind} */
export function listOf(parseItem, expects) {
  return {
    expects,
    parse: (value) => {
      const items = value.split(',').map((item) => parseItem(item.trim()));
      return items.includes(undefined) ? undefined : items;
    },
  };
}

/** @param {string} value @returns {URL | undefined} */
function parseUrl(value) {
  try {
    return new URL(value);
  } catch {
    return undefined;
  }
}

/** @param {string} item */
export function parseBroker(item) {
  const match = /^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(item);
  const port = Number(match?.[1] ?? 0);
  return port >= 1 && port <= portMax ? item : undefined;
}

/** @param {string} item */
export function parseOrigin(item) {
  const origin = /^https?:\/\//.test(item) ? parseUrl(item)?.origin : undefined;
  return origin === item.toLowerCase() ? origin : undefined;
}

/** @param {string} item @returns {import('./env.mjs').OpsPeer | undefined} */
export function parsePeer(item) {
  const match = /^([a-z0-9-]+)=(https?:\/\/[^/\s]+)\/?$/.exec(item);
  return match?.[1] && match[2] && parseUrl(match[2])
    ? { process: match[1], url: match[2] }
    : undefined;
}
