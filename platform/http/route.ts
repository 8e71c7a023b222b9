/**
 * The table of routes: one row says all there is to know of a route. Validation, OpenAPI, the docs
 * page and the metrics come from it, so a route that is not in it does not exist.
 */
import type { ProblemCode, ProblemInput } from './problems.ts';

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. Objects without `additionalProperties: false` are open. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type Auth = 'public' | 'vendor' | 'shopper' | 'operator';

/**
 * Headers that are copied from a request; others cannot be read. `accept`, `origin`, `traceparent`
 * and `if-none-match` are copied for GET and raw routes only, `content-encoding` for those that stream:
 * each costs 0.1 µs.
 */
export type HeaderName =
  | 'authorization'
  | 'accept'
  | 'content-type'
  | 'content-encoding'
  | 'idempotency-key'
  | 'origin'
  | 'traceparent'
  | 'if-none-match';

export type Identity =
  | { readonly kind: 'vendor'; readonly vendor: string }
  | { readonly kind: 'shopper'; readonly shopper: string; readonly verified: boolean }
  | { readonly kind: 'operator' };

/** What authentication answers: who it is, or why not. */
export type AuthResult = Identity | ProblemInput;

/** Asks a caller to come back later once it has used up its tokens: by identity, else by address. */
export interface RateLimit {
  readonly name: string;
  readonly perMinute: number;
  /** Default `identity`. */
  readonly by?: 'identity' | 'ip';
}

export type ReplyHeaders = Readonly<Record<string, string>>;

/** Where the answer to a command goes: exactly once, at any later time. */
export interface Answering {
  /**
   * Answers once, at any later time. An object is made JSON, a string or bytes are sent as they
   * are. Header names in lower case; `content-type` and `cache-control` replace our own.
   */
  reply(status: number, json: string | object, headers?: ReplyHeaders): void;
  problem(problem: ProblemInput): void;
  /** Answers for something thrown: a ProblemError, a Fault (503 or 500) or a bug (500, logged). */
  fail(error: unknown): void;
}

/** One request, safe to keep after any `await`. Answered exactly once, by `reply`, `problem`, `fail` or `stream`. */
export interface Ctx extends Answering {
  readonly requestId: string;
  readonly route: Route;
  /** Decoded path parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** Validated, each value of its schema's type, with defaults. Without a prototype. */
  readonly query: Readonly<Record<string, unknown>>;
  /** Validated, with the schema's defaults; `{}` when a body that is not required is missing. */
  readonly body: unknown;
  /** The body as it came: what a fingerprint is made of. Empty when there was none. */
  readonly bodyText: string;
  /** The body's bytes; only of a route with `bodyMode: 'raw'`, else empty. */
  readonly rawBody: Buffer;
  /** Path and query as they came, still encoded: what a proxy hands on. '' unless `bodyMode: 'raw'`. */
  readonly url: string;
  /** Null on a public route. */
  readonly identity: Identity | null;
  /** '' when none was sent or the route takes none. Quotes removed. */
  readonly idempotencyKey: string;
  readonly ip: string;
  /** True once the client is gone; a reply is then thrown away. */
  readonly aborted: boolean;
  /**
   * Of a route with `bodyMode: 'stream'`: takes the body in pieces of `pieceBytes`, the last shorter,
   * and resolves with its length. Throws what `take` throws, a Fault when the client leaves, and the
   * refusal of a body that is too large.
   */
  readBody(pieceBytes: number, take: (piece: Buffer) => Promise<void>): Promise<number>;
  /**
   * Answers 200 piece by piece, each made once the client has taken the one before; one that takes
   * nothing for `stallMs` is cut off. Rejects with what the first piece throws; a later fault cuts.
   */
  stream(
    pieces: AsyncIterable<string | Uint8Array>,
    headers: ReplyHeaders,
    stallMs: number,
  ): Promise<void>;
  /** A path parameter that the route's path names. */
  param(name: string): string;
  header(name: HeaderName): string | undefined;
}

/** A request that is taken as it stands, but for ids and tokens, which are made up. */
export interface RouteExample {
  /** What it is for, where there are several. */
  readonly title?: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text where it is not JSON: then `media` says what. */
  readonly body?: unknown;
  readonly media?: string;
}

export interface Route {
  /** operationId and metric label: unique, camelCase. */
  readonly id: string;
  readonly method: Method;
  /** Such as `/v1/sales/{id}/holds`. */
  readonly path: string;
  readonly half: 'sale' | 'window';
  readonly auth: Auth;
  readonly summary: string;
  readonly description?: string;
  /** Schema of the path parameters; one that does not fit is 404, like no thing at all. */
  readonly params?: JsonSchema;
  /**
   * Schema of the query, flat: numbers, flags and lists are read as such. Without it, any parameter
   * is refused.
   */
  readonly query?: JsonSchema;
  /** Without it POST, PUT and PATCH take no field at all. */
  readonly body?: JsonSchema;
  /** Default: one made from the schemas. */
  readonly examples?: readonly RouteExample[];
  /** Default: whether the schema requires any field. */
  readonly bodyRequired?: boolean;
  /**
   * `raw`: nothing is parsed or validated, not even the query; the handler gets `rawBody` and
   * `url`. For proxies and signed webhooks. `stream`: the handler takes the body itself, piece by
   * piece. Default `json`.
   */
  readonly bodyMode?: 'json' | 'raw' | 'stream';
  /** Media types of a body that is not JSON, for the docs. */
  readonly consumes?: readonly string[];
  readonly idempotencyKey: 'required' | 'optional' | 'none';
  /** Default 16 KB. */
  readonly maxBodyBytes?: number;
  readonly rateLimit?: RateLimit;
  /**
   * Headers that repeat are looked for only where a proxy says that it stands before us: 1.7 µs. Its one
   * path parameter and its body, a flat object, are shared by all requests that say the same, and frozen.
   */
  readonly hot?: boolean;
  /** Media type of the successful answers, for the docs; default `application/json`. */
  readonly produces?: string;
  readonly responses: Readonly<Record<number, JsonSchema | null>>;
  /** Besides those that follow from the row itself (401, 413, 429, …). */
  readonly errors: readonly ProblemCode[];
  handle(ctx: Ctx): void | Promise<void>;
}

export const defaultMaxBodyBytes = 16 * 1024;
