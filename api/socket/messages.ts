/**
 * The one table of the socket's messages, with their JSON Schemas: what clients send is checked
 * against it, /asyncapi.json is made from it, and a test holds what the server sends against it.
 */
import type { JsonSchema } from '../../platform/http/route.ts';
import { problemSchema } from '../../platform/http/openapi.ts';
import {
  address,
  answer,
  count,
  email,
  list,
  object,
  orderId,
  saleId,
  text,
  textOrNull,
  time,
  timeOrNull,
  whole,
} from '../schemas/common.ts';
import { holdAnswer, holdBody, orderAnswer, payBody } from '../schemas/orders.ts';
import { saleAnswer, statsAnswer } from '../schemas/sales.ts';
import { joinBody, secondsRange, ticketAnswer } from '../schemas/tickets.ts';

export interface Message {
  readonly summary: string;
  /** With `type`. */
  readonly schema: JsonSchema;
}

type Fields = Readonly<Record<string, JsonSchema>>;

const fieldsOf = (schema: JsonSchema): Fields => schema['properties'] as Fields;

const commandId: JsonSchema = {
  type: 'string',
  pattern:
    '^(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25})$',
  description: 'A UUID or a ULID: the idempotency key of the command, new for each intention',
};
export const commandIdPattern = new RegExp(commandId['pattern'] as string);

const token = text(4096);

/** What a client sends. */
function asked(
  type: string,
  summary: string,
  fields: Fields,
  optional: readonly string[] = [],
): Message {
  const all = { type: { const: type }, ...fields };
  const required = Object.keys(all).filter((name) => !optional.includes(name));
  return { summary, schema: object(all, required) };
}

export const clientMessages = {
  hello: asked(
    'hello',
    'First, within 5 s: who it is, unless the Authorization header said so, and what to go on with',
    {
      token,
      resume: object({ session: text(64), seq: whole(0, Number.MAX_SAFE_INTEGER) }, [
        'session',
        'seq',
      ]),
    },
    ['token', 'resume'],
  ),
  auth: asked(
    'auth',
    'A newer token of the same caller. With an `id` it is answered',
    { id: commandId, token },
    ['id'],
  ),
  subscribe: asked(
    'subscribe',
    'A snapshot of a sale now, then its ticks and changes',
    { id: commandId, sale: saleId },
    ['id'],
  ),
  unsubscribe: asked('unsubscribe', 'No more of a sale', { sale: saleId }),
  join: asked(
    'join',
    'As POST /v1/sales/{id}/tickets: a place in line, told by `ticket` from then on',
    { id: commandId, sale: saleId, ...fieldsOf(joinBody) },
    ['delivery'],
  ),
  leave: asked('leave', 'As DELETE /v1/sales/{id}/tickets/me', { id: commandId, sale: saleId }),
  hold: asked(
    'hold',
    'As POST /v1/sales/{id}/holds',
    { id: commandId, sale: saleId, ...fieldsOf(holdBody) },
    ['product_id'],
  ),
  pay: asked(
    'pay',
    'As POST /v1/orders/{id}/pay',
    { id: commandId, order: orderId, method: fieldsOf(payBody)['method'] ?? {}, email, address },
    ['email', 'address'],
  ),
  cancel: asked('cancel', 'As DELETE /v1/orders/{id}', { id: commandId, order: orderId }),
  ping: asked('ping', 'Answered by `pong`', {}),
} as const;

export type ClientType = keyof typeof clientMessages;

const seq = whole(1, Number.MAX_SAFE_INTEGER, {
  description: 'Rises with every message of a session; the place to resume from',
});
const version = whole(0, Number.MAX_SAFE_INTEGER, {
  description: 'Rises with what it tells of: of two messages about a sale the higher one is newer',
});

/** What only this client gets. */
function told(
  type: string,
  summary: string,
  fields: Fields,
  optional: readonly string[] = [],
): Message {
  return { summary, schema: answer({ type: { const: type }, seq, ...fields }, optional) };
}

/** The same bytes for everyone. */
function published(type: string, summary: string, fields: Fields): Message {
  return { summary, schema: answer({ type: { const: type }, version, ...fields }) };
}

const share: JsonSchema = { type: ['number', 'null'], minimum: 0, maximum: 1 };
const countOrNull: JsonSchema = { type: ['integer', 'null'], minimum: 0 };
const tickFields: Fields = {
  sale: saleId,
  serving: { ...countOrNull, description: 'Highest number admitted; null without a line' },
  cut_line: { ...countOrNull, description: 'The units left surely reach this number' },
  claimed: { ...share, description: 'Held or sold' },
  available: count,
  waiting: countOrNull,
  eta: { ...secondsRange, description: 'Seconds, for whoever joins now; null = unknown' },
  eta_by_ahead: list(list({ type: 'number', minimum: 0 }, { minItems: 3, maxItems: 3 }), {
    description: 'Places of the line: so many ahead, seconds at least, at most',
  }),
  chain: { ...textOrNull, description: 'Hex: the last link of the chain of joins' },
  server_time: time,
};

const { server_time: _, ...saleFields } = fieldsOf(saleAnswer);
const order = fieldsOf(orderAnswer);
const optionalOfOrder = ['email', 'address'];
const ticketFields: Fields = {
  ...fieldsOf(ticketAnswer),
  receipt: {
    type: 'null',
    description: 'Only the `outcome` of the join has it, and `GET /v1/sales/{id}/tickets/me`',
  },
};
const optionalOfTicket = ['deliverable'];

const orNull = (schema: JsonSchema, description: string): JsonSchema => ({
  ...schema,
  type: ['object', 'null'],
  description,
});

const expiresAt: JsonSchema = { ...timeOrNull, description: 'Of the token: send `auth` before' };

/** When ok, by what was asked. A hold is a part of an order, so more than one may fit. */
const result: JsonSchema = {
  type: 'object',
  description: 'When ok: the body that HTTP answers with',
  anyOf: [
    { ...ticketAnswer, description: 'Of `join` and `leave`' },
    { ...holdAnswer, description: 'Of `hold`' },
    { ...orderAnswer, description: 'Of `pay` and `cancel`' },
    { ...answer({ expires_at: expiresAt }), description: 'Of `auth`' },
  ],
};

/** With the members that codes of commands have beside those of every problem. */
const problem: JsonSchema = {
  ...problemSchema,
  properties: {
    ...fieldsOf(problemSchema),
    available: { ...count, description: 'Of `sold_out`' },
    may_return: { type: 'boolean', description: 'Of `sold_out`: some are only held' },
    limit: { ...count, description: 'Of `limit_reached`' },
    owned: { ...count, description: 'Of `limit_reached`: what counts against it' },
    state: { type: 'string', description: 'Of `illegal_transition`' },
    next_states: list({ type: 'string' }, { description: 'Of `illegal_transition`' }),
    starts_at: { ...time, description: 'Of `sale_not_started`' },
    server_time: { ...time, description: 'Of `sale_not_started`' },
  },
};

export const serverMessages = {
  welcome: told(
    'welcome',
    'Answers `hello`. Comes once more, with `resumed: snapshot`, when a slow reader has lost messages: ' +
      'what is yours follows, and a command without an outcome may be sent again with its id',
    {
      session: text(64),
      server_time: time,
      resumed: {
        enum: ['replay', 'snapshot', false],
        description:
          'replay = all that was missed follows; snapshot = a snapshot stands for it; false = a new ' +
          'session: subscribe again',
      },
      shopper_id: textOrNull,
      expires_at: expiresAt,
    },
  ),
  snapshot: told(
    'snapshot',
    'A sale as it is, and what is yours in it',
    {
      sale: saleId,
      version,
      ...saleFields,
      server_time: time,
      tick: orNull(
        answer({ version, ...tickFields }),
        'The latest tick’s fields; null = nobody can say now',
      ),
      ticket: orNull(
        answer(ticketFields, optionalOfTicket),
        'Yours in its line, as `ticket`; null = you have none, or it has no line. Left out while nobody ' +
          'can say: what you knew stands. That you have one is told by `ticket`; subscribe again to ' +
          'hear that you have none',
      ),
      orders: list(answer(order, optionalOfOrder), {
        description: 'Your orders in it that you were told of',
      }),
    },
    ['ticket'],
  ),
  outcome: told(
    'outcome',
    'Answers a command, as HTTP does',
    {
      id: { type: ['string', 'null'], description: 'Of the command' },
      ok: { type: 'boolean' },
      status: whole(200, 599, { description: 'HTTP’s' }),
      replayed: { type: 'boolean', description: 'It had been done under the same id' },
      result,
      problem,
    },
    ['replayed', 'result', 'problem'],
  ),
  ticket: told(
    'ticket',
    'Your ticket: on its number, its turn, its end',
    ticketFields,
    optionalOfTicket,
  ),
  order: told('order', 'One of your orders changed', order, optionalOfOrder),
  stats: told('stats', 'For the vendor of a sale: what it counts', fieldsOf(statsAnswer)),
  pong: told('pong', 'Answers `ping`', { server_time: time }),
  goodbye: told('goodbye', 'The server closes: come back after this wait', {
    reconnect_after_ms: whole(0, 600_000),
  }),
  tick: published('tick', 'Once per sale and second, until the sale is over', tickFields),
  sale: published('sale', 'A sale changed', { sale: saleId, ...fieldsOf(saleAnswer) }),
} as const;

export type ServerType = keyof typeof serverMessages;

export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  badMessage: 4400,
  noIdentity: 4401,
  notAllowed: 4403,
  tooSlow: 4408,
  tooMany: 4429,
  ours: 4500,
} as const;
