/**
 * A client as the contract wants it: an answer that did not come, and a 503, are asked again under
 * the same key, by turns at every api, for up to ten seconds.
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
  /** When a try ended without a true answer, first and last; 0 = never. */
  readonly feltFrom: number;
  readonly feltUntil: number;
}

export const patienceMs = 10_000;
const tryMs = 2000;
const pauseMs = 100;

/** A paused sale is an answer: it says so. Any other 503 says "ask again", as `settling` does. */
const isTrue = ({ status, json }: Answer): boolean =>
  json['code'] === 'sale_paused' || (status !== 503 && json['code'] !== 'settling');

/** A word of the answer; '' when it is not there. */
export function wordOf(answer: Answer | null, name: string): string {
  const value = answer?.json[name];
  return typeof value === 'string' ? value : '';
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
    let [unavailable, feltFrom, feltUntil] = [0, 0, 0];
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#try(this.#apis[at % this.#apis.length] ?? '', call);
      if (answer !== null && isTrue(answer)) {
        return { answer, tries, unavailable, feltFrom, feltUntil };
      }
      if (answer !== null) unavailable += 1;
      feltUntil = Date.now();
      if (feltFrom === 0) feltFrom = feltUntil;
      if (performance.now() >= until) {
        return { answer: null, tries, unavailable, feltFrom, feltUntil };
      }
      at += 1;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
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
      const json = JSON.parse(text) as Readonly<Record<string, unknown>>;
      const replayed = response.headers.get('idempotent-replayed') === 'true';
      return { status: response.status, json, text, replayed };
    } catch {
      return null;
    }
  }
}
