// A crowd's tickets, written from what they have in common, are the tickets that one by one are told.
import { describe, expect, it } from 'vitest';
import { ticketJson, ticketTexts } from '../../../api/ticket-json.ts';
import { forMany, LineBook, lookOf } from '../../../api/line-book.ts';
import type { LaneSale, LineTicket, SaleTerms } from '../../../engine/index.ts';
import { linedSaleId as sale, lineFigures } from './fake-engine.ts';

const now = 1_900_000_000_000;
const terms = {
  admission: { mode: 'queue', rate_per_second: 5 },
  holdSeconds: 300,
  endsAt: now + 3_600_000,
  startsAt: now - 400,
} as unknown as SaleTerms;
const line = { ...lineFigures, bell: 9000, numbered: true, joined: 9000, waiting: 9000 };
const lane = { items: [{ available: 40, held: 2, sold: 1 }], expired: 0, released: 0 };
const alike: LineTicket = {
  ...{ id: '', sale, index: 0, state: 'waiting', number: 1, ahead: 0, turnEndsAt: null },
  ...{ receipt: null, known: true, line },
};

describe('the texts of many tickets', () => {
  const look = lookOf(terms, lane as unknown as LaneSale, line, now);
  const many = forMany(new LineBook().see(sale, look));
  for (const [name, outlook] of [
    ['with an outlook', many],
    ['without one', null],
  ] as const) {
    it(`are what each of them is, ${name}`, () => {
      const textOf = ticketTexts(alike, terms, outlook, now);
      for (const [i, ahead] of [0, 1, 38, 39, 63, 64, 200, 8999].entries()) {
        const ticket = { ...alike, id: `tkt_${i}`, number: ahead + 7, ahead };
        const text = textOf(ticket.id, ticket.number, ahead);
        expect(text).toBe(JSON.stringify(ticketJson(ticket, terms, outlook, now)));
      }
    });
  }
});
