/**
 * One request and its one answer. Holds copies only, so it may be kept after any await. Steps, in
 * order: body within its limit, who is it, may it ask now, is it JSON, does it fit the schema, has
 * it a key, then the handler.
 */
import { AssertionFailed, invariant } from '../fault.ts';
import { Answer } from './answer.ts';
import type { TakePiece } from './body-stream.ts';
import { problem } from './problems.ts';
import type { ProblemInput } from './problems.ts';
import { checkBody, checkKey, checkParams, checkQuery } from './checks.ts';
import { emptyQuery } from './query.ts';
import type { AuthResult, Ctx, HeaderName, Identity } from './route.ts';
import { protocolsOf } from './socket.ts';
import type { Upgrade } from './socket.ts';
import { decodeUtf8 } from './text.ts';
import { isSaneRequestId } from './keys.ts';

/** What is needed of the server's request: readable only while its callback runs. */
export interface RawRequest {
  getHeader(name: ArrayBuffer): string;
  getParameter(index: number): string | undefined;
  getQuery(): string | undefined;
  getUrl(): string;
  /** Every header as it came, repeated ones too; `getHeader` shows the first. */
  forEach(call: (name: string, value: string) => void): void;
}

/** As bytes: half the cost of a string, which would be converted at each request. */
const names = {
  authorization: headerName('authorization'),
  accept: headerName('accept'),
  contentType: headerName('content-type'),
  contentLength: headerName('content-length'),
  contentEncoding: headerName('content-encoding'),
  idempotencyKey: headerName('idempotency-key'),
  ifNoneMatch: headerName('if-none-match'),
  origin: headerName('origin'),
  host: headerName('host'),
  webSocketProtocol: headerName('sec-websocket-protocol'),
  traceparent: headerName('traceparent'),
  xRequestId: headerName('x-request-id'),
  xForwardedFor: headerName('x-forwarded-for'),
};

function headerName(name: string): ArrayBuffer {
  const bytes = new Uint8Array(name.length);
  new TextEncoder().encodeInto(name, bytes);
  return bytes.buffer;
}

/** Of the request that is looked at; one function for all of them. */
let lengths = 0;
function countLength(name: string): void {
  if (name === 'content-length') lengths += 1;
}

const noBytes = Buffer.alloc(0);
const noParams: Readonly<Record<string, string>> = Object.freeze({});

/** A body up to here is read to its end although it is refused, so that the client gets to read why. */
export const readRefusedMaxBytes = 1024 * 1024;

export class Exchange extends Answer implements Ctx {
  params: Readonly<Record<string, string>> = noParams;
  query: Readonly<Record<string, unknown>> = emptyQuery;
  body: unknown = undefined;
  bodyText = '';
  rawBody: Buffer = noBytes;
  url = '';
  identity: Identity | null = null;
  idempotencyKey = '';

  private rawQuery = '';
  private rawParams: string[] | null = null;
  private authorization = '';
  private contentType = '';
  private contentEncoding = '';
  private rawKey = '';
  private accept = '';
  private origin = '';
  private traceparent = '';
  private ifNoneMatch = '';
  private bodyBytes = 0;
  private chunks: Buffer[] | null = null;
  private isUtf8 = true;

  /** Copies what may be needed later; afterwards the request is gone. */
  copy(req: RawRequest): void {
    const { bound } = this;
    const id = req.getHeader(names.xRequestId);
    this.requestId = id !== '' && isSaneRequestId(id) ? id : this.around.nextRequestId();
    this.authorization = req.getHeader(names.authorization);
    if (bound.readsBody) this.contentType = req.getHeader(names.contentType);
    if (bound.streams) this.contentEncoding = req.getHeader(names.contentEncoding);
    if (bound.takesKey) this.rawKey = req.getHeader(names.idempotencyKey);
    if (bound.copiesAll) {
      this.accept = req.getHeader(names.accept);
      this.origin = req.getHeader(names.origin);
      this.ifNoneMatch = req.getHeader(names.ifNoneMatch);
      this.traceparent = req.getHeader(names.traceparent);
    }
    this.rawQuery = req.getQuery() ?? '';
    const count = bound.paramNames.length;
    if (count > 0) {
      this.rawParams = [];
      for (let i = 0; i < count; i += 1) this.rawParams.push(req.getParameter(i) ?? '');
    }
    if (bound.raw) {
      this.url = this.rawQuery === '' ? req.getUrl() : `${req.getUrl()}?${this.rawQuery}`;
    }
  }

  /** What is wrong with the query of a socket's request. */
  queryProblem(): ProblemInput | null {
    return checkQuery(this, this.bound, this.rawQuery);
  }

  /** What a socket is opened by; `copy` comes first. */
  upgradeOf(req: RawRequest): Upgrade {
    return {
      origin: this.origin,
      host: req.getHeader(names.host),
      authorization: this.authorization,
      protocols: protocolsOf(req.getHeader(names.webSocketProtocol)),
      ip: this.ip,
    };
  }

  /**
   * True when the request declares more than one length: who stands before us may have taken another
   * than the server did, and then the rest of this body would be somebody's next request.
   */
  refusesLengths(req: RawRequest): boolean {
    if (this.route.hot === true && req.getHeader(names.xForwardedFor) === '') return false;
    if (req.getHeader(names.contentLength) === '') return false;
    lengths = 0;
    req.forEach(countLength);
    if (lengths < 2) return false;
    this.calling();
    this.problemAndClose(problem('invalid_request', '`Content-Length` is there more than once.'));
    this.callOver();
    return true;
  }

  /** True when the length that the request declares is refused without reading it. */
  refusesDeclared(req: RawRequest): boolean {
    const declared = this.declaredOf(req);
    if (!(declared > this.bound.maxBodyBytes && declared > readRefusedMaxBytes)) return false;
    this.calling();
    this.problemAndClose(this.tooLarge());
    this.callOver();
    return true;
  }

  /** NaN where the request does not say. */
  protected declaredOf(req: RawRequest): number {
    const text = req.getHeader(names.contentLength);
    return text === '' ? NaN : Number(text);
  }

  /** The chunk's memory is only valid until this returns. */
  onData(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.done) return;
    this.calling();
    this.take(chunk, isLast);
    this.callOver();
  }

  private take(chunk: ArrayBuffer, isLast: boolean): void {
    this.bodyBytes += chunk.byteLength;
    if (this.bodyBytes > this.bound.maxBodyBytes) {
      this.chunks = null;
      if (isLast) this.problem(this.tooLarge());
      else if (this.bodyBytes > readRefusedMaxBytes) this.problemAndClose(this.tooLarge());
      return;
    }
    if (!isLast) (this.chunks ??= []).push(copyOf(chunk));
    else if (this.chunks === null) this.onBody(chunk);
    else this.onBody(Buffer.concat([...this.chunks, Buffer.from(chunk)]));
  }

  private onBody(bytes: ArrayBuffer | Buffer): void {
    this.chunks = null;
    if (this.bound.raw) {
      this.rawBody = copyOf(bytes);
    } else if (bytes.byteLength > 0) {
      const text = decodeUtf8(bytes);
      this.isUtf8 = text !== undefined;
      this.bodyText = text ?? '';
    }
    if (this.around.stoodStill(this.startedAtMs)) this.identifyWhoIsThere();
    else this.identify();
  }

  /**
   * A request that waited while the process stood still: its client may have gone and been answered
   * elsewhere, and nothing is to be held for them then. The loop's next turn tells.
   */
  private identifyWhoIsThere(): void {
    const next = (): void => {
      if (!this.done) this.identify();
    };
    setImmediate(() => setImmediate(next));
  }

  /** No body is expected, or the handler takes it itself. */
  proceed(): void {
    this.calling();
    this.identify();
    this.callOver();
  }

  private identify(): void {
    try {
      const { need } = this.bound;
      if (need === null) {
        this.onIdentity(null);
        return;
      }
      const result = this.around.authenticate(this.header('authorization'), need);
      if (result instanceof Promise) {
        result.then((r) => this.onIdentity(r)).catch((error: unknown) => this.fail(error));
      } else {
        this.onIdentity(result);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private onIdentity(result: AuthResult | null): void {
    if (this.done) return;
    const refusal = this.takeIdentity(result) ?? this.takeTurn() ?? this.check();
    if (refusal !== null) {
      this.problem(refusal);
      return;
    }
    const running = this.route.handle(this);
    if (!(running instanceof Promise)) return;
    running.then(
      () => {
        this.ended();
      },
      (error: unknown) => {
        this.fail(error);
      },
    );
  }

  /** A handler whose promise is over has answered, or never will. */
  private ended(): void {
    if (!this.isAnswered()) this.fail(new Error(`${this.route.id}: ended without an answer`));
  }

  /** Or will be, when the body has come to its end. */
  protected isAnswered(): boolean {
    return this.done;
  }

  private takeIdentity(result: AuthResult | null): ProblemInput | null {
    if (result === null) return null;
    if ('code' in result) return result;
    if (result.kind !== this.bound.need) {
      return problem('forbidden', `This is for a ${this.bound.need ?? 'caller'}.`);
    }
    this.identity = result;
    return null;
  }

  private takeTurn(): ProblemInput | null {
    if (this.route.rateLimit === undefined) return null;
    const retryAfterMs = this.around.limit(this);
    if (retryAfterMs === 0) return null;
    return problem('rate_limited', 'Too many requests; wait a little.', { retryAfterMs });
  }

  private check(): ProblemInput | null {
    const { bound } = this;
    if (this.rawParams !== null) {
      const bad = checkParams(this, bound, this.rawParams);
      if (bad !== null) return bad;
    }
    if (bound.raw) return null;
    const { bodyBytes, contentType, isUtf8 } = this;
    return (
      checkBody(this, bound, bodyBytes, contentType, isUtf8) ??
      checkQuery(this, bound, this.rawQuery) ??
      checkKey(this, bound, this.rawKey)
    );
  }

  /** Only a route that streams has a body to read. */
  readBody(_pieceBytes: number, _take: TakePiece): Promise<number> {
    throw new AssertionFailed(`${this.route.id} does not stream its body`);
  }

  protected tooLarge(): ProblemInput {
    return problem('too_large', `The body may have ${this.bound.maxBodyBytes} bytes at most.`);
  }

  param(name: string): string {
    const value = this.params[name];
    invariant(value !== undefined, `${this.route.id} has no path parameter ${name}`);
    return value;
  }

  header(name: HeaderName): string | undefined {
    const value = this.copied(name);
    return value === '' ? undefined : value;
  }

  private copied(name: HeaderName): string {
    switch (name) {
      case 'authorization':
        return this.authorization;
      case 'accept':
        return this.accept;
      case 'content-type':
        return this.contentType;
      case 'content-encoding':
        return this.contentEncoding;
      case 'idempotency-key':
        return this.rawKey;
      case 'origin':
        return this.origin;
      case 'traceparent':
        return this.traceparent;
      case 'if-none-match':
        return this.ifNoneMatch;
    }
  }
}

function copyOf(bytes: ArrayBuffer | Buffer): Buffer {
  return Buffer.from(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes);
}
