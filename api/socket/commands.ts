/** Commands of shoppers over the socket: the same code as the routes', answered by an `outcome`. */
import { problemOf } from '../../platform/http/failure.ts';
import { problem, problemJson, statusOf } from '../../platform/http/problems.ts';
import type { ProblemInput } from '../../platform/http/problems.ts';
import type { Answering, ReplyHeaders } from '../../platform/http/route.ts';
import type { Log } from '../../platform/log.ts';
import type { Api, Command } from '../api.ts';
import type { Asker } from '../ask-window.ts';
import { holdUnits } from '../handlers/holds.ts';
import type { HoldBody } from '../handlers/holds.ts';
import { releaseHold } from '../handlers/orders.ts';
import { payOrder } from '../handlers/pay.ts';
import type { PayBody, PayParts } from '../handlers/pay.ts';
import type { JoinBody, LineDesk } from '../line-desk.ts';
import type { Session } from './session.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The answer to one command of a session. */
export class OutcomeAnswer implements Answering {
  readonly #session: Session;
  readonly #id: string;
  readonly #log: Log;
  readonly #whenDone: ((result: Fields) => void) | undefined;

  /** `whenDone` is told of the result before it is sent. */
  constructor(session: Session, id: string, log: Log, whenDone?: (result: Fields) => void) {
    this.#session = session;
    this.#id = id;
    this.#log = log;
    this.#whenDone = whenDone;
    session.asks();
  }

  reply(status: number, json: string | object, headers?: ReplyHeaders): void {
    const text = typeof json === 'string' ? json : JSON.stringify(json);
    if (typeof json === 'object') this.#whenDone?.(json as Fields);
    const replayed = headers?.['idempotent-replayed'] === 'true' ? ',"replayed":true' : '';
    this.#send(`"ok":true,"status":${status}${replayed},"result":${text}`);
  }

  problem(input: ProblemInput): void {
    this.#send(refusalMembers(input, this.#id));
  }

  fail(error: unknown): void {
    const input = problemOf(error, true);
    const level = input.code === 'internal' ? 'error' : 'warn';
    this.#log[level]({ requestId: this.#id, session: this.#session.id, err: error }, input.code);
    this.problem(input);
  }

  #send(members: string): void {
    this.#session.answered();
    this.#session.send('outcome', `{"id":"${this.#id}",${members}}`);
  }
}

function refusalMembers(input: ProblemInput, requestId: string): string {
  const status = statusOf(input.code);
  return `"ok":false,"status":${status},"problem":${problemJson(input, requestId)}`;
}

/** Refuses a message that may have no id of its own. */
export function refuseMessage(session: Session, id: string | null, input: ProblemInput): void {
  const members = refusalMembers(input, id ?? session.id);
  session.send('outcome', `{"id":${id === null ? 'null' : `"${id}"`},${members}}`);
}

const tokenExpired = problem(
  'unauthenticated',
  'The token has expired: send `auth` with a newer one.',
);
const forShoppers = problem('forbidden', 'This is for a shopper.');

/** What may be told to a caller before anything is decided; null = go on. */
export function callerProblem({ identity, expiresAt }: Session, now: number): ProblemInput | null {
  if (identity?.kind !== 'shopper') return forShoppers;
  return expiresAt !== null && expiresAt <= now ? tokenExpired : null;
}

/** Body of a route, from the fields of a message. */
function bodyOf(message: Fields, ...names: readonly string[]): Fields {
  const body: Record<string, unknown> = {};
  for (const name of names) if (name in message) body[name] = message[name];
  return body;
}

export interface CommandParts extends PayParts {
  readonly api: Api;
  readonly desk: LineDesk;
}

/** Runs a command whose message has been checked. Never throws. */
export function runCommand(
  parts: CommandParts,
  session: Session,
  message: Fields,
  to: OutcomeAnswer,
): void {
  const { identity } = session;
  if (identity?.kind !== 'shopper') {
    to.problem(forShoppers);
    return;
  }
  const about = (message['sale'] ?? message['order']) as string;
  const command: Command = { ...identity, id: about, key: message['id'] as string };
  try {
    const asker = { requestId: command.key, authorization: session.authorization };
    const running = started(parts, command, message, asker, to);
    if (running instanceof Promise) running.catch((error: unknown) => to.fail(error));
  } catch (error) {
    to.fail(error);
  }
}

function started(
  parts: CommandParts,
  command: Command,
  message: Fields,
  asker: Asker,
  to: OutcomeAnswer,
): void | Promise<void> {
  switch (message['type']) {
    case 'join': {
      const body = bodyOf(message, 'delivery') as unknown as JoinBody;
      return parts.desk.join(command, body, asker, to);
    }
    case 'leave':
      return parts.desk.leave(command, to);
    case 'hold':
      holdUnits(
        parts.api,
        command,
        bodyOf(message, 'quantity', 'product_id') as unknown as HoldBody,
        to,
      );
      return;
    case 'pay': {
      const body = bodyOf(message, 'method', 'email', 'address');
      return payOrder(parts, command, body as unknown as PayBody, asker, to);
    }
    case 'cancel':
      releaseHold(parts.api, command, to);
      return;
    default:
      throw new Error(`${String(message['type'])} is no command`);
  }
}
