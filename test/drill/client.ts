/**
 * A client as the contract wants it: an answer that did not come, and a 503, are asked again under
 * the same key, by turns at every api, for up to ten seconds; not before the time it was told, and
 * more rarely with each try. (Asking every 100 ms, a crowd of some hundred kept a machine of two
 * cores so busy with 503s that an outage of one second lasted sixteen.)
 */
import type { Rng } from '../support/rng.ts';

export interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
  /** The body as it came. */
  readonly text: string;
  readonly replayed: boolean;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'PATCH';
  readonly path: string;
  readonly token: string;
  readonly key?: string;
  readonly body?: unknown;
}

export interface Told {
  /** Null = nothing but silence and 503 until the patience ended. */
  readonly answer: Answer | null;
  readonly tries: number;
  readonly unavailable: number;
  /** Tries that had no answer at all. */
  readonly silent: number;
  /** When a try first ended without a true answer, and when the one began that got it; 0 = never. */
  readonly feltFrom: number;
  readonly feltUntil: number;
}

export const patienceMs = 10_000;
const tryMs = 2000;
const pauseMs = 100;
const pauseMaxMs = 1000;
/** A crowd that was cut off in one instant must not come back in one. */
const jitter = 0.25;

/** A paused sale is an answer: it says so. Any other 503 says "ask again", as `settling` does. */
const isTrue = ({ status, json }: Answer): boolean =>
  json['code'] === 'sale_paused' || (status !== 503 && json['code'] !== 'settling');

/** A word of the answer; '' when it is not there. */
export function wordOf(answer: Answer | null, name: string): string {
  const value = answer?.json[name];
  return typeof value === 'string' ? value : '';
}

/** Throws on what is accepted without being JSON; a refusal without words is one that nobody expects. */
function jsonOf(text: string, accepted: boolean): Answer['json'] {
  try {
    return JSON.parse(text) as Answer['json'];
  } catch (error) {
    if (accepted) throw error;
    return {};
  }
}

export class Client {
  readonly #apis: readonly string[];
  readonly #rng: Rng;

  constructor(apis: readonly string[], rng: Rng) {
    this.#apis = apis;
    this.#rng = rng;
  }

  /** Asks until there is a true answer or the patience ends. */
  async ask(call: Call, patience = patienceMs): Promise<Told> {
    const until = performance.now() + patience;
    let at = this.#rng.whole(0, this.#apis.length - 1);
    let [unavailable, silent, feltFrom, feltUntil] = [0, 0, 0, 0];
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#try(this.#apis[at % this.#apis.length] ?? '', call);
      if (answer !== null && isTrue(answer)) {
        return { answer, tries, unavailable, silent, feltFrom, feltUntil };
      }
      if (answer === null) silent += 1;
      else unavailable += 1;
      if (feltFrom === 0) feltFrom = Date.now();
      const left = until - performance.now();
      if (left <= 0) {
        return { answer: null, tries, unavailable, silent, feltFrom, feltUntil: Date.now() };
      }
      at += 1;
      const pause = Math.min(left, this.#pause(answer, tries));
      await new Promise((resolve) => setTimeout(resolve, pause));
      feltUntil = Date.now();
    }
  }

  /** Milliseconds to the next try. */
  #pause(answer: Answer | null, tries: number): number {
    const told = answer?.json['retry_after_ms'];
    const own = Math.min(pauseMaxMs, pauseMs * 2 ** (tries - 1));
    const pause = Math.max(own, typeof told === 'number' ? Math.min(told, pauseMaxMs) : 0);
    return pause * (1 - jitter + 2 * jitter * this.#rng.next());
  }

  async #try(api: string, { method, path, token, key, body }: Call): Promise<Answer | null> {
    try {
      const response = await fetch(`${api}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(key === undefined ? {} : { 'idempotency-key': key }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(tryMs),
      });
      const text = await response.text();
      const json = jsonOf(text, response.ok);
      const replayed = response.headers.get('idempotent-replayed') === 'true';
      return { status: response.status, json, text, replayed };
    } catch {
      return null;
    }
  }
}
