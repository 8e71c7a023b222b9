// What the live page offers by what is known of the shopper's ticket: nobody is asked to join who may be
// in line already.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pageOf } from '../../../web/sale-view.js';

/** As much of an element as the page needs to be read. */
class Element {
  textContent = '';
  children: unknown[] = [];
  append(...children: unknown[]): void {
    this.children.push(...children);
  }
  replaceChildren(...children: unknown[]): void {
    this.children = children;
  }
  setAttribute(): void {}
  addEventListener(): void {}
  querySelectorAll(): [] {
    return [];
  }
  querySelector(): null {
    return null;
  }
  read(): string {
    return this.children
      .map((child) => (child instanceof Element ? child.read() : String(child)))
      .join(' ');
  }
}

beforeEach(() => {
  vi.stubGlobal('document', { activeElement: null, createElement: () => new Element() });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const sale = {
  state: 'live',
  sold_out: false,
  claimed_share: null,
  items: [{ allotted: 30 }],
  starts_at: '2030-06-01T12:00:00.000Z',
  ends_at: null,
  limit_per_shopper: 2,
  admission: { mode: 'queue' },
};
const main = new Element();

function shown(ticket: unknown, state = 'live', order: unknown = null, of: object = {}): string {
  const more = { product: null, tick: null, address: null, problem: null, missing: false, ...of };
  pageOf(main, { sale: { ...sale, state }, ticket, order, busy: false, ...more }, 0, {}, String);
  return main.read();
}

it('offers the line to who has no ticket, or one that is over', () => {
  expect(shown(null)).toContain('Join the line');
  expect(shown({ id: 'tkt_1', state: 'lapsed', number: 3 })).toContain('Join the line');
});

it('does not offer it while nobody can say, and does as soon as somebody can', () => {
  expect(shown(undefined)).toContain('not known yet');
  expect(shown(undefined)).not.toContain('Join the line');
  expect(shown(null)).toContain('Join the line');
  expect(shown(undefined)).not.toContain('Join the line');
});

it('says when it starts and how many one may have', () => {
  expect(shown(null, 'scheduled')).toMatch(/starts .+ limit 2 per shopper/);
  expect(shown(null, 'live')).toContain('started');
});

it('says before the bell how many units are announced, and nothing of claims', () => {
  expect(shown(null, 'scheduled')).toContain('30 units announced');
  expect(shown(null, 'live')).not.toContain('announced');
});

it('tells who was in line how it ended for them', () => {
  const ticket = { id: 'tkt_1', state: 'lapsed', number: 3, serving: 3, had_turn: false };
  expect(shown(ticket, 'closed')).toContain('You did not get a turn.');
  expect(shown({ ...ticket, state: 'waiting' }, 'closing')).toContain('You did not get a turn.');
  expect(shown({ ...ticket, number: null }, 'cancelled')).toContain('You did not get a turn.');
  expect(shown({ ...ticket, had_turn: true }, 'closed')).toContain(
    'Your turn passed without a hold.',
  );
  const left = { ...ticket, state: 'left', had_turn: null };
  expect(shown(left, 'closed')).toContain('You left the line.');
  const finished = { ...ticket, state: 'finished', had_turn: true };
  expect(shown(finished, 'closed')).toContain('See your orders');
  const order = { id: 'ord_1', state: 'expired' };
  expect(shown(finished, 'closed', order)).not.toContain('Your turn');
  for (const none of [null, undefined]) expect(shown(none, 'closed')).not.toMatch(/turn|line/);
});

it('says at the form why an address was refused', () => {
  const held = { id: 'ord_1', state: 'held', amount: {} };
  const code = 'undeliverable';
  const problem = { code, param: 'address.postal_code', detail: 'send `postal_code`' };
  const asked = { address: {}, problem };
  expect(shown(null, 'live', held, asked)).toContain('postal codes only: fill in yours.');
  const away = { ...asked, problem: { code, param: 'address', detail: 'Not delivered there.' } };
  expect(shown(null, 'live', held, away)).toContain('Not delivered there.');
});
