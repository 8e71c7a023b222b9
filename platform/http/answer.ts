/**
 * The answering half of an exchange: written once, corked, never after the client is gone. Header
 * lines that do not depend on the request come preformatted from the bound route.
 */
import { invariant } from '../fault.ts';
import type { Log } from '../log.ts';
import type { BoundRoute } from './bound.ts';
import { problemOf } from './failure.ts';
import { problemJson, retryAfterSeconds, statusOf } from './problems.ts';
import type { ProblemInput } from './problems.ts';
import type { AuthResult, Ctx, ReplyHeaders, Route } from './route.ts';
import { statusLine } from './status.ts';

/** What is needed of the server's response. */
export interface RawResponse {
  writeStatus(status: string): unknown;
  writeHeader(name: string, value: string): unknown;
  end(body: string | Uint8Array, close: boolean): unknown;
  endWithoutBody(): unknown;
  cork(write: () => void): unknown;
  /** A piece of the body; false = the client has not taken all of what was written. */
  write(piece: string | Uint8Array): boolean;
  /** Calls each time the client has taken some; true = nothing is left to be asked. */
  onWritable(call: (offset: number) => boolean): unknown;
  /** Cuts the connection. */
  close(): unknown;
  getRemoteAddressAsText(): ArrayBuffer;
}

/** What all requests of a server share. */
export interface Surroundings {
  readonly log: Log;
  authenticate(
    authorization: string | undefined,
    need: 'vendor' | 'shopper',
  ): AuthResult | Promise<AuthResult>;
  /** Milliseconds to wait before this caller may ask again, or 0. */
  limit(ctx: Ctx): number;
  nextRequestId(): string;
  /** Whether the process stood still until a request came that began then, by `performance.now()`. */
  stoodStill(startedAtMs: number): boolean;
  /** While the server drains, every answer closes its connection. */
  draining: boolean;
  inFlight: number;
}

/** A whole answer on its way out. */
interface Outgoing {
  readonly answer: Answer;
  readonly status: number;
  readonly head: string;
  readonly payload: string | Uint8Array;
  readonly headers: ReplyHeaders | undefined;
}

/** What is being written: `cork` calls back before it returns, so this saves each answer a closure. */
let corked: Outgoing | null = null;

function writeCorked(): void {
  if (corked !== null) corked.answer.write(corked);
}

/** The exchange that the server is calling now: its own answer may leave at once. */
let called: Answer | null = null;

const call = (answer: Answer | null): void => {
  called = answer;
};

/**
 * Answers that leave after the server's callbacks. While it calls one exchange, and until the
 * microtasks behind that call are done, the server keeps that one's connection corked, and no other
 * can be: each piece of another's answer would be a packet of its own, 12 calls of the kernel instead
 * of one (docs/decisions/0052).
 */
let leaving: Outgoing[] = [];

function leaveAll(): void {
  const all = leaving;
  leaving = [];
  for (const out of all) out.answer.leave(out);
}

/** What is written at once of an answer in pieces. */
const sliceBytes = 16 * 1024;

export abstract class Answer {
  requestId = '';
  abstract idempotencyKey: string;
  aborted = false;
  /** Answered or aborted: the response must not be touched any more. */
  done = false;

  protected readonly bound: BoundRoute;
  protected readonly around: Surroundings;
  protected readonly res: RawResponse;
  private readonly isHead: boolean;
  protected readonly startedAtMs = performance.now();
  private address: string | undefined;
  /** Whoever waits for the client to read. */
  private wake: (() => void) | null = null;
  /** Whether the answer closes its connection. */
  protected closes = false;
  /** Decided, and not written yet. */
  private waits = false;

  constructor(bound: BoundRoute, around: Surroundings, res: RawResponse, isHead: boolean) {
    this.bound = bound;
    this.around = around;
    this.res = res;
    this.isHead = isHead;
    around.inFlight += 1;
  }

  get route(): Route {
    return this.bound.route;
  }

  get ip(): string {
    if (this.address === undefined) {
      if (this.done) return '';
      this.address = Buffer.from(this.res.getRemoteAddressAsText()).toString('latin1');
    }
    return this.address;
  }

  /** The server calls this exchange now: what it answers before `callOver` leaves at once. */
  protected calling(): void {
    call(this);
  }

  /** The server's call is over. Forgotten, it costs packets and nothing else. */
  protected callOver(): void {
    call(null);
  }

  /** Whole on its way out, or the client is gone: nothing of the response may be touched. */
  get left(): boolean {
    return this.done && !this.waits;
  }

  onAborted(): void {
    if (this.left) return;
    this.waits = false;
    this.aborted = true;
    this.done = true;
    this.around.inFlight -= 1;
    // 499, as others count a client that did not wait.
    this.bound.count(499).inc();
    this.wake?.();
  }

  /** The connection has become a socket: there is nothing more to answer. */
  upgraded(): void {
    if (this.done) return;
    this.done = true;
    this.around.inFlight -= 1;
    this.bound.count(101).inc();
  }

  reply(status: number, json: string | object, headers?: ReplyHeaders): void {
    const isReady = typeof json === 'string' || json instanceof Uint8Array;
    const payload = isReady ? json : JSON.stringify(json);
    const own = headers !== undefined && ('content-type' in headers || 'cache-control' in headers);
    this.send(status, own ? '' : this.bound.jsonHead, payload, headers);
  }

  problem(problem: ProblemInput): void {
    const { retryAfterMs } = problem;
    let { headers } = problem;
    if (retryAfterMs !== undefined) {
      headers = { ...headers, 'retry-after': retryAfterSeconds(retryAfterMs) };
    }
    const text = problemJson(problem, this.requestId);
    this.send(statusOf(problem.code), this.bound.problemHead, text, headers);
  }

  fail(error: unknown): void {
    const problem = problemOf(error, this.idempotencyKey !== '');
    if (problem.code === 'internal' || problem.code === 'unavailable') {
      const { requestId } = this;
      const level = problem.code === 'internal' ? 'error' : 'warn';
      this.around.log[level]({ requestId, route: this.route.id, err: error }, problem.code);
    }
    this.problem(problem);
  }

  /** Answers and closes the connection: for what came in a shape that we do not read to its end. */
  protected problemAndClose(problem: ProblemInput): void {
    this.closes = true;
    this.problem(problem);
  }

  /**
   * Answers 200 with a body that is written as the client takes it: one piece is made at a time, so a
   * client that does not read costs no more than that one. Resolves when all is written or the client
   * is gone. What the pieces throw before the first is rejected with; later it cuts the connection,
   * so that nobody takes a part for the whole. So does a client that takes nothing for `stallMs`.
   */
  async stream(
    pieces: AsyncIterable<string | Uint8Array>,
    headers: ReplyHeaders,
    stallMs: number,
  ): Promise<void> {
    let begun = false;
    try {
      for await (const piece of pieces) {
        if (!begun) this.begin(headers);
        begun = true;
        if (this.isHead || !(await this.writePiece(Buffer.from(piece), stallMs))) break;
      }
      if (!begun) this.begin(headers);
      this.endStream();
    } catch (error) {
      if (!begun) throw error;
      const { requestId } = this;
      this.around.log.warn({ requestId, route: this.route.id, err: error }, 'an answer was cut');
      this.cut();
    }
  }

  private begin(headers: ReplyHeaders): void {
    if (this.done) return;
    this.res.cork(() => {
      this.res.writeHeader('Content-Type', this.lines('', headers));
    });
    // Once: the server puts the one that it calls back in the place of what is set meanwhile.
    this.res.onWritable(() => {
      this.wake?.();
      return true;
    });
  }

  /**
   * Answers false when the client is gone. In slices: the server says that it can write when there is
   * room for some, and keeps what does not fit, so each step must add less than was taken.
   */
  private async writePiece(piece: Buffer, stallMs: number): Promise<boolean> {
    for (let at = 0; at < piece.length; at += sliceBytes) {
      if (this.done) return false;
      // Not corked: what a cork holds back may be sent when it ends, and nobody is told of that.
      if (this.res.write(piece.subarray(at, at + sliceBytes))) continue;
      if (!(await this.untilTaken(stallMs))) return false;
    }
    return !this.done;
  }

  /** Answers false when the client is gone, or has been cut for taking nothing. */
  private untilTaken(stallMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.cut();
      }, stallMs);
      this.wake = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve(!this.done);
      };
    });
  }

  private endStream(): void {
    if (this.done) return;
    const close = this.closes || this.around.draining;
    this.res.cork(() => {
      if (this.isHead) this.res.endWithoutBody();
      else this.res.end('', close);
    });
    this.answered(200);
  }

  private cut(): void {
    if (this.done) return;
    // Calls `onAborted`, unless the server thinks that the answer is complete.
    this.res.close();
    this.onAborted();
  }

  private answered(status: number): void {
    this.done = true;
    this.around.inFlight -= 1;
    this.bound.count(status).inc();
    this.bound.seconds.observe((performance.now() - this.startedAtMs) / 1000);
  }

  private send(
    status: number,
    head: string,
    payload: string | Uint8Array,
    headers: ReplyHeaders | undefined,
  ): void {
    if (this.done) {
      invariant(this.aborted, `${this.route.id}: answered twice`);
      return;
    }
    this.done = true;
    const out: Outgoing = { answer: this, status, head, payload, headers };
    if (called === this) {
      // The server has corked the connection whose exchange it calls.
      this.write(out);
      this.answered(status);
      return;
    }
    this.waits = true;
    if (leaving.push(out) === 1) setImmediate(leaveAll);
  }

  /** Writes the answer, unless the client has gone meanwhile. */
  leave(out: Outgoing): void {
    if (!this.waits) return;
    this.waits = false;
    corked = out;
    this.res.cork(writeCorked);
    corked = null;
    this.answered(out.status);
  }

  /** Only for the cork. */
  write({ status, head, payload, headers }: Outgoing): void {
    const { res } = this;
    const close = this.closes || this.around.draining;
    // One call for all that stands before the body: the server ends the line behind it.
    res.writeStatus(`${statusLine(status)}\r\nContent-Type: ${this.lines(head, headers)}`);
    const hasBody = status !== 204 && status !== 304;
    if (hasBody && !this.isHead) {
      res.end(payload, close);
      return;
    }
    if (hasBody) res.writeHeader('Content-Length', String(Buffer.byteLength(payload)));
    if (close) res.writeHeader('Connection', 'close');
    // Never with arguments: given a length, uWS takes the answer for unfinished and drops the
    // connection; given `undefined`, it sends a length of 2^63.
    res.endWithoutBody();
  }

  /** All headers of ours, from the value of Content-Type on: one call. */
  private lines(head: string, headers: ReplyHeaders | undefined): string {
    let text = (head === '' ? this.ownHead(headers) : head) + this.requestId;
    for (const name in headers) {
      const value = headers[name] ?? '';
      if (name !== 'content-type' && isOneLine(name, value)) text += `\r\n${name}: ${value}`;
    }
    return text;
  }

  /** Of an answer that brings its own content type, or its own word on caching. */
  private ownHead(headers: ReplyHeaders = {}): string {
    const { bound } = this;
    const type = headers['content-type'] ?? '';
    const own = type !== '' && isOneLine('', type) ? type : 'application/json';
    const stored = headers['cache-control'] !== undefined || bound.cacheable;
    return own + (stored ? bound.plainStoredHead : bound.plainHead);
  }
}

/** A line break would let a value write headers of its own. */
function isOneLine(name: string, value: string): boolean {
  return !/[\r\n\0]/.test(`${name}${value}`);
}
