// What the live page says to who waits: the newer of ticket and tick, and nothing that neither knows.
import { expect, it } from 'vitest';
import { lineFacts, noneFreeText } from '../../../web/line-facts.js';

const early = '2030-06-01T12:00:00.000Z';
const late = '2030-06-01T12:00:01.000Z';

const ticket = {
  number: 30,
  ahead: 20,
  serving: 9,
  cut_line: 12,
  chance: 0.25,
  eta_seconds: [40, 60],
  server_time: early,
};
const tick = {
  serving: 10,
  cut_line: 13,
  waiting: 50,
  eta: null,
  eta_by_ahead: [
    [0, 0, 2],
    [10, 20, 30],
    [30, 50, 90],
  ],
  server_time: late,
};

type Rows = Readonly<Record<string, unknown>>;

const rowsOf = (ofTicket: object, ofTick: object | null, ofSale: string | object = 'live'): Rows =>
  Object.fromEntries(
    lineFacts({
      sale: typeof ofSale === 'string' ? { state: ofSale } : ofSale,
      ticket: { ...ticket, ...ofTicket },
      tick: ofTick === null ? null : { ...tick, ...ofTick },
    }) as [string, unknown][],
  );

const wait = (...asked: Parameters<typeof rowsOf>): unknown => rowsOf(...asked)['your wait'];

it('a ticket that is newer than the tick, or alone, speaks for itself', () => {
  const own = {
    'people ahead': 20,
    'now serving': 9,
    'units are certain to reach': 'number 12',
    'your wait': '40 s to 60 s',
    'chance of a unit': '25 %',
  };
  expect(rowsOf({}, null)).toEqual(own);
  expect(rowsOf({ server_time: late }, { server_time: early, waiting: 3 })).toMatchObject({
    'people ahead': 20,
    'your wait': '40 s to 60 s',
  });
});

it('a newer tick says how far the line is; nobody has more ahead than others wait', () => {
  expect(rowsOf({}, {})).toMatchObject({
    'people ahead': 20,
    'now serving': 10,
    'units are certain to reach': 'number 13',
  });
  expect(rowsOf({}, { waiting: 5 })['people ahead']).toBe(4);
  for (const waiting of [0, 1]) {
    expect(rowsOf({}, { waiting })).toMatchObject({ 'your place': 'You are next' });
    expect(rowsOf({}, { waiting })['people ahead']).toBeUndefined();
  }
  const blind = { waiting: null, serving: null, cut_line: null, eta_by_ahead: [] };
  expect(rowsOf({}, blind)).toMatchObject({
    'people ahead': 20,
    'now serving': 9,
    'units are certain to reach': null,
    'your wait': 'not known yet',
  });
});

it('the wait that was read stays within those of the places around it', () => {
  expect(wait({}, {})).toBe('40 s to 60 s');
  expect(wait({ eta_seconds: [10, 60] }, {})).toBe('20 s to 60 s');
  expect(wait({ eta_seconds: [40, 200] }, {})).toBe('40 s to 2 min');
  // Neither of the two is squeezed into a moment.
  expect(wait({ eta_seconds: [2, 9] }, {})).toBe('20 s to 2 min');
  // A place that the tick names.
  expect(wait({ ahead: 10, eta_seconds: [25, 28] }, {})).toBe('20 s to 30 s');
  expect(wait({}, { waiting: 11, eta: [22, 33] })).toBe('20 s to 30 s');
});

it('who joins now is a place too', () => {
  expect(wait({ ahead: 40 }, {})).toBe('not known yet');
  expect(wait({ ahead: 40 }, { eta: [80, 85] })).toBe('50 s to 60 s');
  expect(wait({ ahead: 1 }, { waiting: 2, eta: [3, 6], eta_by_ahead: [[0, 0, 2]] })).toBe(
    '0 s to 6 s',
  );
});

it('no wait is shown while nobody knows it', () => {
  expect(wait({ eta_seconds: null }, null)).toBe('not known yet');
  expect(wait({ eta_seconds: null }, {})).toBe('not known yet');
  expect(wait({}, {}, 'paused')).toBeNull();
  expect(rowsOf({ chance: null }, {})['chance of a unit']).toBeNull();
});

it('with no unit free it says whether any may come back, in place of a wait that nobody knows', () => {
  const none = { version: 2, available: 0 };
  const held = { sold_out: true, may_return: true };
  const textOf = (
    ofTicket: object | null,
    ofSale: object = held,
    ofTick: object | null = none,
  ): string | null =>
    noneFreeText({
      sale: { state: 'live', version: 1, ...ofSale },
      ticket: ofTicket === null ? null : { ...ticket, state: 'waiting', ...ofTicket },
      tick: ofTick === null ? null : { ...tick, ...ofTick },
    });
  for (const anybody of [null, {}, { chance: null }, { chance: 0, state: 'lapsed' }]) {
    expect(textOf(anybody)).toContain('some are held and may come back');
  }
  expect(textOf({ chance: 0 })).toContain('none is expected to come back for you');
  const paid = { sold_out: true, may_return: false };
  for (const anybody of [null, {}, { chance: 0 }]) {
    expect(textOf(anybody, paid)).toBe('All units are paid for, none can come back.');
    expect(textOf(anybody, paid, null)).toBe('All units are paid for, none can come back.');
  }
  expect(textOf(null, { ...held, state: 'closed' })).toBeNull();
  expect(textOf({}, held, { ...none, available: 1 })).toBeNull();
  // The tick knows of it before the sale does.
  const before = { sold_out: false, may_return: false };
  expect(textOf({}, before)).toContain('one that is held may come back');
  // The sale is newer than its last tick, and does not say it.
  expect(textOf({}, before, { ...none, version: 0 })).toBeNull();
  const unknown = { eta_seconds: null, server_time: late, state: 'waiting' };
  const sale = { state: 'live', version: 1, ...held };
  const rows = lineFacts({ sale, ticket: { ...ticket, ...unknown }, tick: null });
  expect(Object.fromEntries(rows as [string, unknown][])['your wait']).toBeNull();
});

it('before the draw there are only others', () => {
  expect(rowsOf({ number: null }, null)).toEqual({ 'in line': null });
  expect(rowsOf({ number: null }, { waiting: 0 })).toEqual({ 'in line': 1 });
});

it('foretells nothing of a unit once none can come back', () => {
  const sale = { state: 'live', version: 1, sold_out: true, may_return: true };
  expect(rowsOf({}, null, sale)).toMatchObject({ 'chance of a unit': '25 %' });
  const over = rowsOf({}, null, { ...sale, may_return: false });
  expect(over).toMatchObject({ 'your wait': null, 'chance of a unit': null });
});
