/**
 * Questions to a server whether it serves already, in its own words and without its client library:
 * an open port alone says little, Redis may still be loading and Postgres recovering.
 */
import { connect } from 'node:net';

const answerMs = 2_000;

/**
 * @param {string} host @param {number} port @param {Buffer | string} question '' = none
 * @returns {Promise<Buffer | null>} the first bytes of the answer, empty when none was asked for
 */
function ask(host, port, question) {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (/** @type {Buffer | null} */ answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answerMs, () => end(null));
    socket.on('error', () => end(null));
    socket.on('close', () => resolve(null));
    socket.on('data', end);
    socket.on('connect', () => (question === '' ? end(Buffer.alloc(0)) : socket.write(question)));
  });
}

/** @param {string} host @param {number} port @returns {Promise<boolean>} */
export async function accepts(host, port) {
  return (await ask(host, port, '')) !== null;
}

/** True also when it asks for a password. @param {string} host @param {number} port */
export async function redisServes(host, port) {
  const answer = (await ask(host, port, 'PING\r\n'))?.toString('latin1') ?? '';
  return answer.startsWith('+PONG') || answer.startsWith('-NOAUTH');
}

/** Sends a start-up packet; one that serves asks for a password. @param {string} host @param {number} port */
export async function postgresServes(host, port) {
  const body = Buffer.from('user\0highnoon\0database\0highnoon\0\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(0x0003_0000, 4); // protocol 3.0
  const answer = await ask(host, port, Buffer.concat([head, body]));
  return answer?.[0] === 'R'.charCodeAt(0);
}

/** Lanes that are shut for these reasons open for an operator only, and for that all else must be up. */
const forAnOperator = /frozen|no marker|run recover/;

/**
 * @param {string} url
 * @returns {Promise<{ serves: boolean, ready: boolean, shut: boolean, waitingFor: string }>} of a
 *   `/health/ready`: it answers 200; every one of its checks is `ok`; nothing but lanes that only an
 *   operator opens is in the way (a worker is not ready either then)
 */
export async function readiness(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerMs) });
    const body = /** @type {{ checks?: Record<string, unknown> }} */ (await response.json());
    const missing = Object.entries(body.checks ?? {}).filter(([, value]) => !isOk(value));
    const waitingFor = missing
      .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
      .join(', ');
    const names = missing.map(([name]) => name);
    return {
      serves: response.ok,
      ready: response.ok && missing.length === 0,
      shut:
        names.includes('lanes') &&
        names.every((name) => name === 'lanes' || name === 'worker') &&
        reasonsOf(body.checks?.['lanes']).every((reason) => forAnOperator.test(reason)),
      waitingFor: waitingFor || `status ${response.status}`,
    };
  } catch {
    return { serves: false, ready: false, shut: false, waitingFor: 'no answer yet' };
  }
}

/** The api has a list of lanes, a worker one text. @param {unknown} lanes @returns {string[]} */
function reasonsOf(lanes) {
  // A lane may be frozen for several reasons, which have the same between them.
  if (typeof lanes === 'string') return lanes.split(/; (?=lane \d+: )/);
  return Array.isArray(lanes) ? lanes.map((lane) => String(lane?.reason)) : [''];
}

/** A check is `"ok"`, or an object whose status is. @param {unknown} value */
function isOk(value) {
  if (value === 'ok') return true;
  return typeof value === 'object' && value !== null && 'status' in value && value.status === 'ok';
}

/**
 * Asks again until the answer is yes.
 * @param {() => Promise<boolean>} question @param {{ withinMs: number, everyMs?: number }} limits
 * @returns {Promise<boolean>} false when the time is up
 */
export async function until(question, { withinMs, everyMs = 50 }) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    if (await question()) return true;
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
