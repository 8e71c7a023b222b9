// Ids as the schemas know them are the ids that the engine makes; states, receipts.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOrderId, isSaleId } from '../../../engine/index.ts';
import { base32, orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';
import {
  keyIdPattern,
  orderIdPattern,
  productIdPattern,
  saleIdPattern,
} from '../../../api/schemas/common.ts';
import { ticketAnswer } from '../../../api/schemas/tickets.ts';
import { serverMessages } from '../../../api/socket/messages.ts';
import { nextOrderStates, orderStates } from '../../../api/states.ts';
import { nextStates } from '../../../engine/index.ts';
import type { JsonSchema } from '../../../platform/http/route.ts';

const sale = new RegExp(saleIdPattern, 'u');
const order = new RegExp(orderIdPattern, 'u');

describe('ids', () => {
  it('of sales and orders fit', () => {
    for (let i = 0; i < 100; i += 1) {
      const id = saleIdOf(i, randomBytes(8));
      expect(id).toMatch(sale);
      expect(orderIdOf(id, base32(randomBytes(15)))).toMatch(order);
    }
  });

  it('fit the schema exactly when the engine takes them', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^sal_[0-9a-z]{15,17}$/),
      fc.stringMatching(/^ord_[0-9a-z]{39,41}$/),
    );
    fc.assert(
      fc.property(text, (id) => {
        expect(sale.test(id)).toBe(isSaleId(id));
        expect(order.test(id)).toBe(isOrderId(id));
      }),
      { numRuns: 1000 },
    );
  });

  it('of products and keys fit', () => {
    expect(`prd_${base32(randomBytes(10)).slice(0, 13)}`).toMatch(new RegExp(productIdPattern));
    expect(`key_${base32(randomBytes(10))}`).toMatch(new RegExp(keyIdPattern));
  });
});

it('a receipt is in the answer to a join, and in no message of a ticket', () => {
  const receiptIn = ({ properties }: JsonSchema) =>
    (properties as Record<string, JsonSchema>)['receipt'];
  expect(receiptIn(ticketAnswer)?.['type']).toEqual(['object', 'null']);
  expect(receiptIn(serverMessages.ticket.schema)?.['type']).toBe('null');
});

describe('order states', () => {
  it('lead to states that are shown too', () => {
    for (const state of orderStates) {
      for (const next of nextStates(state)) expect(orderStates).toContain(next);
    }
  });

  it('offer nothing that no order gets to', () => {
    const offered = orderStates.flatMap(nextOrderStates);
    expect(new Set(offered)).toEqual(new Set(['paid', 'released', 'expired']));
    expect(nextOrderStates('held')).toEqual(['paid', 'released', 'expired']);
    expect(nextOrderStates('paid')).toEqual([]);
  });
});
