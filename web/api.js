/**
 * Requests to the shop: JSON in and out, a time-out, and who asks: one shopper for all pages of this
 * browser, made up once one is needed.
 */

const timeoutMs = 8000;
const whoName = 'highnoon.shopper';
/** Where pages before kept a guest of their own: its cart is taken over. */
const guestName = 'highnoon.guest';
/** A token this near its end is not used any more. */
const marginMs = 60_000;

/** A refusal, with the problem that the shop answered, or none where it did not. */
class Refused extends Error {
  constructor(message, problem) {
    super(message);
    this.problem = problem;
  }
}

async function ask(method, path, { body, token, signal, key } = {}) {
  const headers = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (key !== undefined) headers['idempotency-key'] = key;
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await fetch(path, {
    method,
    headers,
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(`${method} ${path}: ${response.status}`, json);
  return json;
}

/** As who holds `token`; without, as nobody: a place that was saved does not count then. */
export const get = (path, signal, token) => ask('GET', path, { signal, token });

/** What is kept and can be read. */
function stored(name) {
  try {
    return JSON.parse(localStorage.getItem(name) ?? 'null');
  } catch {
    return null;
  }
}

const isGood = (session) =>
  session !== null && Date.parse(session.expires_at) - marginMs > Date.now();

function known() {
  const session = stored(whoName);
  return isGood(session) ? session : null;
}

/** A verified shopper where the shop makes them up, the same one as before; else a guest. */
async function begin() {
  const before = stored(whoName);
  const again = before === null || before.guest ? {} : { shopper: before.shopper_id };
  const begun = await ask('POST', '/v1/sessions', { body: again }).catch(async (error) => {
    if (error.problem?.status !== 403) throw error;
    return { ...(await ask('POST', '/v1/guest-sessions')), guest: true };
  });
  localStorage.setItem(whoName, JSON.stringify(begun));
  return begun;
}

let beginning = null;
let adopting = null;

/** Who asks: a token that is good for a while; `fresh` = the one that is kept was not taken. */
export async function session(fresh = false) {
  let one = fresh ? null : known();
  if (one === null) {
    beginning ??= begin().finally(() => (beginning = null));
    one = await beginning;
  }
  if (stored(guestName) !== null) {
    adopting ??= adopt(one).finally(() => (adopting = null));
    await adopting;
  }
  return one;
}

/** Adds the cart of a guest of before; where that did not work it is tried again another time. */
async function adopt({ token }) {
  const guest = stored(guestName);
  const asked = { body: { guest_token: guest.token }, token };
  try {
    if (isGood(guest)) await ask('POST', '/v1/cart/merge', asked);
  } catch (error) {
    if (error.problem?.status !== 400) return;
  }
  localStorage.removeItem(guestName);
}

/** Whether sales for verified shoppers are open to whoever is here. */
export const isVerified = () =>
  session().then(
    ({ guest }) => guest !== true,
    () => false,
  );

/** As the shopper; a token that is not taken any more is replaced once. `key` names a command. */
export async function asShopper(method, path, body, key) {
  const { token } = await session();
  try {
    return await ask(method, path, { body, token, key });
  } catch (error) {
    if (error.problem?.status !== 401) throw error;
    return ask(method, path, { body, token: (await session(true)).token, key });
  }
}

/** Whether there is anything that a shopper could have kept. */
export const isKnown = () => stored(whoName) !== null || stored(guestName) !== null;

/** A random UUID (RFC 9562 §5.4) for an intention; `randomUUID` is given to secure addresses only. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
