/** Schemas of orders: commands of shoppers and the order as its owner sees it. */
import {
  address,
  answer,
  email,
  list,
  money,
  object,
  oneOf,
  orderId,
  pageOf,
  productId,
  saleId,
  text,
  textOrNull,
  time,
  units,
  whole,
} from './common.ts';
import { limitPerShopperMax } from './sales.ts';
import { orderStates } from '../states.ts';
import type { JsonSchema } from '../../platform/http/route.ts';

export const holdBody = object({ quantity: whole(1, limitPerShopperMax), product_id: productId }, [
  'quantity',
]);

const checkoutLinesMax = 100;

export const checkoutBody = object(
  {
    cart: { type: 'boolean', enum: [true], description: 'All that is in the cart' },
    lines: list(
      object({ product_id: productId, quantity: whole(1, limitPerShopperMax) }, [
        'product_id',
        'quantity',
      ]),
      { minItems: 1, maxItems: checkoutLinesMax, description: 'Instead of `cart`' },
    ),
    email,
    address,
  },
  ['email', 'address'],
);

export const detailsBody = object({ email, address, delivery_option: text(100) }, [], {
  minProperties: 1,
});

export const payBody = object(
  {
    method: object({ type: oneOf('test', 'card'), token: text(255) }, ['type']),
    email,
    address,
  },
  ['method'],
);

const states: JsonSchema = oneOf(...orderStates);

const amount: JsonSchema = {
  ...money,
  description: 'Of all its units, which is what is paid: a fee for delivery is not part of it',
};

export const holdAnswer = answer({
  id: orderId,
  state: oneOf('held'),
  units,
  amount,
  hold_expires_at: time,
  server_time: time,
  next_states: list(states),
});

const line = answer({ product_id: productId, sale_id: saleId, units, price: money });

export const checkoutAnswer = answer({
  id: orderId,
  state: oneOf('held'),
  lines: list(line),
  units,
  amount,
  hold_expires_at: time,
  server_time: time,
  next_states: list(states),
});

const fields = {
  id: orderId,
  sale_id: saleId,
  state: states,
  payment: { type: 'string' },
  parcel: { type: 'string' },
  lines: list(line),
  units,
  amount,
  held_at: time,
  hold_expires_at: time,
  timeline: list(answer({ at: time, type: { type: 'string' } })),
  next_states: list(states),
  email: textOrNull,
  address: { type: ['object', 'null'], additionalProperties: true },
  server_time: time,
};

export const orderAnswer = answer(fields, ['email', 'address']);

export const ordersAnswer = pageOf(answer(fields, ['email', 'address', 'server_time']), {
  as_of: { ...time, description: 'What happened later may not be in this list yet' },
  server_time: time,
});
