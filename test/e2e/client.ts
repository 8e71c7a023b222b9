/**
 * A client from outside: plain HTTP, and every answer it gets must be one that /openapi.json
 * promises for that operation. A 500 never is.
 */
import { readContract } from './api/contract.ts';
import type { Contract } from './api/contract.ts';

export interface Asked {
  readonly token?: string;
  readonly key?: string;
  /** An object is sent as JSON, a string as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `{}` when the body is no JSON. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** An answer that the contract does not know. */
export class ContractBroken extends Error {}

export class Client {
  readonly url: string;
  readonly #contract: Contract;

  constructor(url: string, contract: Contract) {
    this.url = url;
    this.#contract = contract;
  }

  static async to(url: string): Promise<Client> {
    return new Client(url, await readContract(url));
  }

  /** Throws what fetch throws, and ContractBroken. */
  async ask(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const headers = new Headers(asked.headers);
    if (asked.token !== undefined) headers.set('authorization', `Bearer ${asked.token}`);
    if (asked.key !== undefined) headers.set('idempotency-key', asked.key);
    const { body } = asked;
    if (body !== undefined && !headers.has('content-type')) {
      headers.set('content-type', 'application/json');
    }
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(this.url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: text }),
    });
    const answer = await answerOf(response);
    this.#check(method, path, answer);
    return answer;
  }

  /** What no operation is for is 404 or 405, as a problem; everything else is in the document. */
  #check(method: string, path: string, { status, headers, text }: Answer): void {
    const named = this.#contract.find(method, path);
    const media = headers.get('content-type');
    const why =
      named === undefined
        ? [404, 405].includes(status) && media === 'application/problem+json'
          ? null
          : `answered ${status} in ${media ?? 'nothing'}, and is not documented: ${text}`
        : this.#contract.misfit(named, status, media, text);
    if (why !== null) throw new ContractBroken(`${method} ${path}: ${why}`);
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isObject ? (json as Record<string, unknown>) : {},
  };
}
