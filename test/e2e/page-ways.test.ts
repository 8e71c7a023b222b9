// The ways through the shop's page in a real browser: back, another place, words that a shopper knows, and
// names of any length and script. Skipped, and said so, where there is no chromium.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownName } from '../support/environment.ts';
import { hasBrowser, Pages } from './browser.ts';
import { Shop } from './shop.ts';

const { api } = inject('stack');
const word = ownName('basalt').replace('-', '');

let shop: Shop;
let vendor: string;
let pages: Pages;
let page: Page;

async function open(path: string, width = 1200): Promise<void> {
  page = await pages.open(`${api}/${path}`, { width });
}

async function put(product: string, quantity = 1): Promise<void> {
  await page.goto(`${api}/#/p/${product}`);
  await page.getByLabel('Quantity of').fill(String(quantity));
  await page.getByRole('button', { name: 'Put into the cart' }).click();
  await page.getByText('It is in your cart.').waitFor();
}

async function fillIn(more: Record<string, string> = {}): Promise<void> {
  const said = { 'E-mail': 'ann@example.com', Name: 'Ann', 'Street and number': '1', City: 'X' };
  for (const [label, text] of Object.entries({ ...said, ...more })) {
    await page.getByLabel(label, { exact: true }).fill(text);
  }
  await page.getByLabel('Country').selectOption('DE');
}

const order = () => page.getByRole('button', { name: 'Order and hold it' }).click();

const heading = (name: string) => page.getByRole('heading', { name, exact: true }).waitFor();

describe.skipIf(!hasBrowser('the ways were not walked'))('a way through the page', () => {
  beforeAll(async () => {
    shop = await Shop.shared();
    vendor = await shop.vendor();
    pages = await Pages.launch();
  });
  afterEach(() => pages.leave());
  afterAll(() => pages.close());

  it('checks out as many as are in the cart, and says what all of them cost', async () => {
    const product = await shop.product(vendor, { name: `${word} Cup` });
    await open('');
    await put(product, 3);
    await page.goto(`${api}/#/checkout/${product}?quantity=none`);
    await page.getByText(`3 × ${word} Cup`).waitFor();
    expect(await page.locator('.total').textContent()).toBe('Total $600.00');
  });

  it('goes back from an order to where it was before the form', async () => {
    const product = await shop.product(vendor, { name: `${word} Jug` });
    await open('#/orders');
    await put(product);
    await page.getByRole('link', { name: 'Cart' }).click();
    await page.getByRole('link', { name: 'Check out' }).click();
    await heading('Check out');
    await fillIn();
    await order();
    await heading('Order: Held for you');
    await page.goBack();
    await heading('Your cart is empty');
    await page.goForward();
    await heading('Order: Held for you');
    await page.evaluate("location.hash = '#/checkout'");
    await heading('Your cart is empty');
    await page.goBack();
    await heading('Order: Held for you');
  });
});
