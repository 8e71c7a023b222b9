/**
 * What is done with a client's messages: hello first, then whatever the table knows. What cannot be
 * answered (no message, none that we know, none with an id) closes the socket; everything else is.
 */
import { badValue } from '../../platform/http/text.ts';
import { problem } from '../../platform/http/problems.ts';
import type { ProblemInput } from '../../platform/http/problems.ts';
import type { SocketHandler, SocketPeer } from '../../platform/http/socket.ts';
import { Validators } from '../../platform/http/validate.ts';
import type { Validator } from '../../platform/http/validate.ts';
import { metrics } from '../../platform/metrics.ts';
import type { ToldTicket } from '../line-desk.ts';
import { notFound } from '../refusals.ts';
import { orderIdPattern, saleIdPattern } from '../schemas/common.ts';
import { timeText } from '../clock-text.ts';
import { valueOf } from './codec.ts';
import { callerProblem, OutcomeAnswer, refuseMessage, runCommand } from './commands.ts';
import {
  exemptTimes,
  inFlightMax,
  inFlightRetryMs,
  messageMaxBytes,
  waitingMax,
} from './limits.ts';
import { clientMessages, closeCodes, commandIdPattern } from './messages.ts';
import type { ClientType } from './messages.ts';
import type { Hub } from './hub.ts';
import { markOf } from './session.ts';
import type { Session } from './session.ts';

type Fields = Readonly<Record<string, unknown>>;

const validators = new Validators();
const checks = new Map<string, Validator>(
  Object.entries(clientMessages).map(([type, { schema }]) => [type, validators.body(schema)]),
);
validators.warmUp();

const saleId = new RegExp(saleIdPattern);
const orderId = new RegExp(orderIdPattern);

export class Client implements SocketHandler {
  readonly #hub: Hub;
  readonly #peer: SocketPeer;
  #session: Session;
  /** How many times the common rate it may send. */
  readonly #times: number;
  /** What came while a vendor's key was looked up; null = nothing is looked up. */
  #waiting: (readonly [bytes: Uint8Array, isBinary: boolean])[] | null = null;

  /** `limited` = as everybody; who is not may send many times as much. */
  constructor(hub: Hub, peer: SocketPeer, session: Session, limited: boolean) {
    this.#hub = hub;
    this.#peer = peer;
    this.#session = session;
    this.#times = limited ? 1 : exemptTimes;
  }

  message(bytes: Uint8Array, isBinary: boolean): void {
    try {
      this.#take(bytes, isBinary);
    } catch (error) {
      this.#hub.log.error({ session: this.#session.id, err: error }, 'a socket message failed');
      this.#end(closeCodes.ours, 'our fault');
    }
  }

  dropped(): void {
    this.#session.lag(performance.now());
  }

  drained(): void {
    if (this.#session.laggingSince !== null) this.#hub.drained(this.#session);
  }

  closed(): void {
    // Somebody who resumed it may have taken the session over.
    if (this.#session.peer === this.#peer) this.#hub.parted(this.#session);
  }

  #end(code: number, reason: string): void {
    this.#hub.end(this.#peer, code, reason);
  }

  #take(bytes: Uint8Array, isBinary: boolean): void {
    const session = this.#session;
    const isFull = this.#waiting !== null && this.#waiting.length >= waitingMax;
    const waitMs = session.takes(performance.now(), this.#times);
    if (isFull || waitMs === Infinity) {
      this.#end(closeCodes.tooMany, 'too many messages');
      return;
    }
    if (this.#waiting !== null) {
      this.#waiting.push([bytes.slice(), isBinary]);
      return;
    }
    const message =
      bytes.length > messageMaxBytes ? undefined : valueOf(session.form, bytes, isBinary);
    if (waitMs > 0) {
      this.#slowDown(message, waitMs);
      return;
    }
    if (!isMessage(message)) {
      this.#end(closeCodes.badMessage, 'not a message of this protocol');
      return;
    }
    const { type } = message;
    metrics.socketMessages.labels(type).inc();
    if (session.greeted === (type === 'hello')) {
      this.#end(closeCodes.badMessage, 'hello comes first, and once');
      return;
    }
    const refusal = problemOfMessage(message);
    if (refusal === null) this.#handle(type, message);
    else this.#refuse(message, refusal);
  }

  /** With an id it can be answered; without one nobody would know what was refused. */
  #refuse(message: Fields, refusal: ProblemInput): void {
    const id = idOf(message);
    if (id !== null || refusal === notFound) refuseMessage(this.#session, id, refusal);
    else this.#end(closeCodes.badMessage, refusal.detail.slice(0, 100));
  }

  /** Beyond the rate: what has an id is refused, so that its sender knows that it came to nothing. */
  #slowDown(message: unknown, waitMs: number): void {
    const id = isMessage(message) && this.#session.greeted ? idOf(message) : null;
    if (id === null) this.#end(closeCodes.tooMany, 'too many messages');
    else refuseMessage(this.#session, id, tooMany('Too many messages.', waitMs));
  }

  async #subscribe(sale: string, id: string | null): Promise<void> {
    const session = this.#session;
    if (session.inFlight >= inFlightMax) {
      refuseMessage(session, id, tooManyInFlight);
      return;
    }
    session.asks();
    await this.#hub.subscribe(session, sale, id);
    session.answered();
  }

  #handle(type: ClientType, message: Fields): void {
    const session = this.#session;
    switch (type) {
      case 'hello':
        this.#hello(message);
        return;
      case 'auth':
        this.#auth(message);
        return;
      case 'subscribe':
        void this.#subscribe(message['sale'] as string, idOf(message));
        return;
      case 'unsubscribe':
        this.#hub.unsubscribe(session, message['sale'] as string);
        return;
      case 'ping':
        session.tell('pong', `{"server_time":"${timeText(this.#hub.api.now())}"}`);
        return;
      case 'join':
      case 'leave':
      case 'hold':
      case 'pay':
      case 'cancel':
        this.#command(message);
    }
  }

  #command(message: Fields): void {
    const session = this.#session;
    const id = message['id'] as string;
    const refusal = callerProblem(session, this.#hub.api.now());
    if (refusal !== null) refuseMessage(session, id, refusal);
    else if (session.inFlight >= inFlightMax) refuseMessage(session, id, tooManyInFlight);
    else {
      const { type, sale } = message;
      // From now on it is told of its ticket.
      const whenDone = (ticket: Fields): void => {
        const { id, state, number } = ticket as unknown as ToldTicket;
        session.joined(sale as string, markOf(state, number), id);
      };
      const to = new OutcomeAnswer(
        session,
        id,
        this.#hub.log,
        type === 'join' ? whenDone : undefined,
      );
      runCommand(this.#hub.parts, session, message, to);
    }
  }

  #hello(message: Fields): void {
    const resume = message['resume'] as { session: string; seq: number } | undefined;
    const identified = this.#hub.identify(this.#session, message['token'] as string | undefined);
    const done = (known: boolean): void => {
      if (this.#session.peer === null) return;
      if (!known) this.#end(closeCodes.noIdentity, 'no identity, or none that is valid');
      else this.#session = this.#hub.welcome(this.#session, resume) ?? this.#session;
    };
    if (typeof identified === 'boolean') {
      done(identified);
      return;
    }
    this.#waiting = [];
    identified
      .then(done, (error: unknown) => {
        this.#hub.log.warn({ err: error }, 'an identity cannot be looked up');
        this.#end(closeCodes.ours, 'nobody can say who you are for the moment');
      })
      .finally(() => {
        const waited = this.#waiting ?? [];
        this.#waiting = null;
        for (const [bytes, isBinary] of waited) this.message(bytes, isBinary);
      });
  }

  #auth(message: Fields): void {
    const session = this.#session;
    const id = idOf(message);
    switch (this.#hub.renew(session, message['token'] as string)) {
      case 'done':
        if (id !== null) {
          const expires = session.expiresAt === null ? null : timeText(session.expiresAt);
          new OutcomeAnswer(session, id, this.#hub.log).reply(200, { expires_at: expires });
        }
        return;
      case 'bad':
        if (id === null) this.#end(closeCodes.noIdentity, 'the token is not valid');
        else refuseMessage(session, id, badToken);
        return;
      case 'other':
        this.#end(closeCodes.notAllowed, 'the token is somebody else’s');
    }
  }
}

const tooMany = (detail: string, retryAfterMs: number): ProblemInput =>
  problem('rate_limited', detail, { retryAfterMs });

const tooManyInFlight = tooMany(
  `At most ${inFlightMax} commands and subscriptions of a socket wait for their answer.`,
  inFlightRetryMs,
);

const badToken = problem('unauthenticated', 'The token is not valid, or not any more.');

function isMessage(value: unknown): value is Fields & { readonly type: ClientType } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { type } = value as Fields;
  return (
    typeof type === 'string' && Object.hasOwn(clientMessages, type) && badValue(value) === null
  );
}

function idOf({ id }: Fields): string | null {
  return typeof id === 'string' && commandIdPattern.test(id) ? id : null;
}

/** As HTTP: an id that cannot be one is nobody's. */
function problemOfMessage(message: Fields & { readonly type: ClientType }): ProblemInput | null {
  const { type, sale, order } = message;
  if (typeof sale === 'string' && 'sale' in fieldsOf(type) && !saleId.test(sale)) return notFound;
  if (typeof order === 'string' && 'order' in fieldsOf(type) && !orderId.test(order)) {
    return notFound;
  }
  return checks.get(type)?.(message) ?? null;
}

const fieldsOf = (type: ClientType): object => clientMessages[type].schema['properties'] as object;
