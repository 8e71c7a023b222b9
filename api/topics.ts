/** The Kafka topics that others subscribe to, with the schemas of their messages, for /asyncapi.json. */
import type { JsonSchema } from '../platform/http/route.ts';
import { answer, list, money, oneOf, productId, time, whole } from './schemas/common.ts';

export interface Topic {
  /** Behind TOPIC_PREFIX. */
  readonly name: string;
  readonly key: string;
  readonly summary: string;
  readonly contentType: string;
  readonly headers?: JsonSchema;
  readonly payload: JsonSchema;
}

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };
const units = list(integer, { description: 'Unit numbers' });

const key: JsonSchema = { type: 'string', description: 'Last 24 characters of the id' };
const clock = (of: string): JsonSchema => ({ type: 'integer', description: `ms, ${of}` });

/** An array by its places; later versions may add some at the end. */
const tuple = (type: string | readonly string[], ...rest: readonly JsonSchema[]): JsonSchema => ({
  type: 'array',
  prefixItems: [typeof type === 'string' ? { const: type } : oneOf(...type), ...rest],
  minItems: 1,
});

const number: JsonSchema = { type: 'integer', description: 'Of the lane command; 0 = by itself' };
const decided: readonly JsonSchema[] = [number, { enum: [0, 1], description: '0 = refused' }, text];

const events: readonly JsonSchema[] = [
  tuple('held', key, text, integer, integer, clock('when it ends'), integer, units),
  tuple(['paid', 'released', 'expired'], key, text, text, integer, integer, units, integer),
  tuple('joined', key, text, whole(0, Number.MAX_SAFE_INTEGER), integer),
  tuple('left', key, text, { type: 'string', description: 'Of the leave, where it had a key' }),
  tuple(['lapsed', 'finished'], key, text),
  tuple('admitted', key, text, clock('in the hold clock, when the turn ends'), integer),
  tuple('bell', integer, { type: 'integer', description: 'Tickets that are drawn' }),
  tuple('numbers', ...decided, integer, integer),
  tuple(['opened', 'closing'], number),
  tuple(['installed', 'changed', 'paused', 'resumed', 'closed', 'closing'], ...decided),
  tuple('moved', ...decided, text, oneOf('credit', 'debit'), integer, integer, integer, integer),
];

const entry: JsonSchema = {
  type: 'array',
  description:
    'One batch: version, epoch, sequence, lane time (ms), the epoch before and its end or false, ' +
    'decisions, [sale, events] for each sale, total outage (ms)',
  prefixItems: [
    { const: 1 },
    integer,
    integer,
    clock('lane time'),
    { anyOf: [{ const: false }, list(integer, { minItems: 2, maxItems: 2 })] },
    integer,
    list({
      type: 'array',
      prefixItems: [text, list({ anyOf: events })],
      minItems: 2,
      maxItems: 2,
    }),
    integer,
  ],
  minItems: 8,
  maxItems: 8,
};

const registered: Readonly<Record<string, JsonSchema>> = {
  id: productId,
  vendor_id: text,
  name: text,
  description: text,
  registered_at: time,
};

const originals: readonly Topic[] = [
  {
    name: 'orders',
    key: 'lane; the partition is the lane',
    summary: 'A lane’s decisions, in order, at least once: drop positions that you have',
    contentType: 'application/msgpack',
    headers: answer({
      'content-type': { const: 'application/msgpack' },
      lane: text,
      epoch: text,
      position: { type: 'string', pattern: '^\\d+-\\d+$' },
      deployment: text,
    }),
    payload: entry,
  },
  {
    name: 'new-product',
    key: 'product id',
    summary: 'A product was registered',
    contentType: 'application/json',
    payload: answer(registered),
  },
  {
    name: 'catalog-changes',
    key: 'product id',
    summary: 'A product changed; versions may come twice, and out of order',
    contentType: 'application/json',
    payload: answer({
      ...registered,
      version: integer,
      changed: list(text),
      withdrawn: { type: 'boolean' },
      price: money,
    }),
  },
  {
    name: 'sale-notices',
    key: 'sale id',
    summary:
      'What the vendor of a sale has to know: it became smaller than announced, or nothing is left',
    contentType: 'application/json',
    payload: answer({
      sale_id: text,
      vendor_id: text,
      code: { type: 'string', enum: ['smaller_than_asked', 'no_supply'] },
      at: time,
      items: list(answer({ product_id: productId, asked: integer, allotted: integer })),
    }),
  },
  {
    name: 'wishlist-notices',
    key: 'shopper id',
    summary: 'What a shopper wished for became cheaper, or is back',
    contentType: 'application/json',
    payload: answer({
      type: oneOf('back_in_stock', 'price_dropped'),
      shopper_id: text,
      product_id: productId,
      price: { type: 'integer', description: 'Minor units, now' },
      price_then: { type: 'integer', description: 'Minor units, when it was wished for' },
      currency: { ...text, description: 'Of both' },
      at: time,
    }),
  },
  {
    name: 'order-updates',
    key: 'order id',
    summary: 'What Postgres decided of an order whose hold has ended',
    contentType: 'application/json',
    payload: answer({ id: text, state: text, version: integer, at: time }),
  },
];

/** Where a message goes that a subscriber can never take; a lane's decisions are never let go. */
const deadLetters = ({ name, key, contentType }: Topic): Topic => ({
  name: `${name}.dlq`,
  key,
  summary: `Messages of \`${name}\` that a subscriber can never take: as they came, and why`,
  contentType,
  headers: answer({
    'dlq-why': { ...text, description: 'At most 500 characters' },
    'dlq-where': { ...text, description: '`topic/partition/offset group` of the original' },
    'dlq-when': time,
  }),
  payload: { description: `The bytes that came: as \`${name}\` has them, or whatever it was` },
});

export const topics: readonly Topic[] = [
  ...originals,
  ...originals.filter(({ name }) => name !== 'orders').map(deadLetters),
];
