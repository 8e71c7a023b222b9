/** Schemas of tickets and of what shows that their draw was fair. */
import {
  answer,
  count,
  country,
  list,
  object,
  oneOf,
  productId,
  saleId,
  text,
  textOrNull,
  time,
  timeOrNull,
  whole,
} from './common.ts';
import type { JsonSchema } from '../../platform/http/route.ts';
import { saleStates } from './sales.ts';

export const joinBody = object({
  delivery: object({ country, postal_code: text(20) }, ['country'], {
    description: 'Who cannot be served there is told so before taking a place',
  }),
});

const countOrNull: JsonSchema = { type: ['integer', 'null'], minimum: 0 };

export const secondsRange: JsonSchema = {
  type: ['array', 'null'],
  items: { type: 'number', minimum: 0 },
  minItems: 2,
  maxItems: 2,
};

export const ticketStates = oneOf('waiting', 'admitted', 'finished', 'lapsed', 'left');

export const ticketAnswer = answer(
  {
    id: { type: 'string', pattern: '^tkt_' },
    sale_id: saleId,
    state: {
      ...ticketStates,
      description:
        'One whose turn ran out has lapsed; one that waits, or has a turn, when its sale ends has lapsed with ' +
        'it: `had_turn` tells them apart',
    },
    sale_state: oneOf(...saleStates),
    number: { ...countOrNull, description: 'Null before the draw; it never changes' },
    ahead: {
      ...countOrNull,
      description:
        'Tickets that wait before this one; for who joined after the bell also those not numbered yet',
    },
    cut_line: { ...countOrNull, description: 'The units left surely reach this number' },
    serving: { ...count, description: 'Highest number admitted; 0 = none' },
    chance: { type: ['number', 'null'], minimum: 0, maximum: 1 },
    eta_seconds: {
      ...secondsRange,
      description:
        'At least and at most; null = unknown, as while the sale is paused or, for who joined after the ' +
        'bell, until all of before it have their numbers',
    },
    had_turn: {
      type: ['boolean', 'null'],
      description: 'Whether its turn has begun; null = it was left, and that is not known',
    },
    turn_ends_at: timeOrNull,
    receipt: {
      ...answer({
        position: { type: 'string' },
        index: count,
        digest: { type: 'string' },
        signature: { type: 'string' },
      }),
      type: ['object', 'null'],
      description:
        'Of a join before the bell: keep it to check the draw. In the answer to the join, and in ' +
        '`tickets/me` once it has settled; null everywhere else',
    },
    deliverable: {
      type: ['boolean', 'null'],
      description: 'With `delivery`: null = nobody can say now',
    },
    poll_after_ms: whole(0, 60_000),
    server_time: time,
  },
  ['deliverable'],
);

export const proofAnswer = answer(
  {
    limits: { type: 'string', description: 'What this shows, and what it does not' },
    sale_id: saleId,
    mode: {
      ...oneOf('open', 'queue', 'draw'),
      description: 'Open = no line: no entrants, an empty root, and `bell_at` is when it opened',
    },
    seed_commitment: textOrNull,
    seed: textOrNull,
    beacon: textOrNull,
    beacon_source: textOrNull,
    beacon_skipped: {
      type: 'boolean',
      description: 'The source had not answered ten minutes after the bell: drawn without it',
    },
    root: { type: 'string' },
    entrant_count: count,
    bell_at: time,
    receipt_key: {
      type: 'string',
      description: 'Of Ed25519, base64url: receipts and the list of units are signed with it',
    },
    entries: list(answer({ position: { type: 'string' }, count })),
    entrants: list({ type: 'string' }),
    numbers: list(count),
    units: {
      ...list(
        answer({
          product_id: productId,
          unit: { type: 'integer', minimum: 1 },
          end: oneOf('sold', 'unsold'),
          order: {
            ...textOrNull,
            description: 'Hex of SHA-256 of the id of the order; null = unsold',
          },
        }),
      ),
      description:
        'Once the sale is closed: units by item and number, also those that nobody took; of these, of an ' +
        'item that offered more, those up to 100,000 or to the last that was taken',
    },
    units_signature: {
      type: 'string',
      description:
        'Beside `units`: Ed25519, base64url, of the text `units {sale_id} {digest}`. The digest is the ' +
        'hex of SHA-256 of one line for each unit, in order, each with a line feed at its end: ' +
        '`{product_id} {unit} {end} {order}`, with `-` for no order',
    },
  },
  ['numbers', 'units', 'units_signature'],
);
