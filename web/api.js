/** Requests to the shop: JSON in and out, a time-out, a guest's token once one is needed. */

const timeoutMs = 8000;
const tokenName = 'highnoon.guest';
/** A token this near its end is not used any more. */
const marginMs = 60_000;

/** A refusal, with the problem that the shop answered, or none where it did not. */
export class Refused extends Error {
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

/** As the guest that there is, or as who holds `token`. */
export const get = (path, signal, token = known()?.token) => ask('GET', path, { signal, token });

export const post = (path, body) => ask('POST', path, { body });

/** What is kept and can be read. */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(tokenName) ?? 'null');
  } catch {
    return null;
  }
}

function known() {
  const session = kept();
  const isGood = session !== null && Date.parse(session.expires_at) - marginMs > Date.now();
  return isGood ? session : null;
}

let beginning = null;

/** The guest's session; a new one where there is none. */
async function session() {
  const one = known();
  if (one !== null) return one;
  beginning ??= ask('POST', '/v1/guest-sessions').finally(() => (beginning = null));
  const begun = await beginning;
  localStorage.setItem(tokenName, JSON.stringify(begun));
  return begun;
}

/** As the guest; a token that is not taken any more is replaced once. `key` names a command. */
export async function asGuest(method, path, body, key) {
  const { token } = await session();
  try {
    return await ask(method, path, { body, token, key });
  } catch (error) {
    if (error.problem?.status !== 401) throw error;
    localStorage.removeItem(tokenName);
    return ask(method, path, { body, token: (await session()).token, key });
  }
}

/** Whether there is anything that a guest could have kept. */
export const isGuest = () => known() !== null;
