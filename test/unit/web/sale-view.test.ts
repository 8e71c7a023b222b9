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
  items: [],
  starts_at: '2030-06-01T12:00:00.000Z',
  ends_at: null,
  admission: { mode: 'queue' },
};
const main = new Element();

function shown(ticket: unknown): string {
  const more = { product: null, tick: null, order: null, problem: null, missing: false };
  pageOf(main, { sale, ticket, busy: false, ...more }, 0, {}, String);
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
