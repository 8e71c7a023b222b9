// The ways through the shop's page in a real browser: back, another place, words that a shopper knows, and
// names of any length and script. Skipped, and said so, where there is no chromium.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
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

const styleOf = (selector: string, property: string) =>
  page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`);

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
    await page.getByRole('button', { name: 'Pay (test)' }).focus();
    await page.keyboard.press('Enter');
    await heading('Order: Paid');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });

  it('keeps no postal code of another country, and says days as people do', async () => {
    const product = await shop.product(vendor, {
      name: `${word} Fig`,
      delivery: {
        include: [
          { country: 'US', postal_prefixes: ['9'], eta_days: [2, 4] },
          { country: 'DE', eta_days: [1, 1] },
          { country: 'FR', eta_days: [0, 0] },
        ],
      },
    });
    await open(`#/p/${product}`);
    const code = page.getByLabel('Postal code');
    await page.getByLabel('Deliver to').selectOption('US');
    await code.fill('90210');
    await code.press('Enter');
    await page.getByText('Delivers to you in 2–4 days').waitFor();
    await page.getByLabel('Deliver to').selectOption('DE');
    await page.getByText('Delivers to you in 1 day', { exact: true }).waitFor();
    expect(await code.inputValue()).toBe('');
    await page.reload();
    await page.getByText('Delivers to you in 1 day', { exact: true }).waitFor();
    expect(await code.inputValue()).toBe('');
    await page.getByLabel('Deliver to').selectOption('FR');
    await page.getByText('Delivers to you the same day', { exact: true }).waitFor();
  });

  it('names what is refused as the form does, and goes there', async () => {
    await open('');
    await put(await shop.product(vendor, { name: `${word} Pan` }));
    await page.goto(`${api}/#/checkout`);
    await fillIn({ Name: ' ' });
    await order();
    await page.getByText('“Name” is not taken as it is: look at it again.').waitFor();
    expect(await page.evaluate('document.activeElement.name')).toBe('name');
  });

  it('names each view for the browser, and has a way on where there is nothing', async () => {
    const product = await shop.product(vendor, { name: `${word} Bell` });
    await open('');
    const isTitled = async (path: string, title: string) => {
      await page.goto(`${api}/#/${path}`);
      await until(`it is “${title}”`, async () => (await page.title()) === title);
    };
    await isTitled(`p/${product}`, `${word} Bell · Highnoon`);
    await isTitled('cart', 'Your cart is empty · Highnoon');
    await isTitled(`?q=${word}`, `${word} · Highnoon`);
    await isTitled('wishes', 'Your wishlist is empty · Highnoon');
    await isTitled('', 'Highnoon');
    await isTitled('p/prd_nothing', 'There is no such product any more. · Highnoon');
    await isTitled('o/ord_nothing', 'No such order. · Highnoon');
    await page.getByRole('link', { name: 'Look around' }).click();
    await until('it is the shop', async () => (await page.title()) === 'Highnoon');
  });

  it('keeps the keyboard where it was when the cart is made anew', async () => {
    await open('');
    for (const name of ['Oak', 'Elm']) {
      await put(await shop.product(vendor, { name: `${word} ${name}` }));
    }
    await page.goto(`${api}/#/cart`);
    await page.getByLabel(`Quantity of ${word} Oak`).fill('2');
    await page.keyboard.press('Enter');
    await page.locator('.total', { hasText: '$600.00' }).waitFor();
    const at = () => page.evaluate('document.activeElement.ariaLabel ?? document.activeElement.id');
    await page.keyboard.press('Tab');
    expect(await at()).toBe(`Remove ${word} Oak`);
    await page.keyboard.press('Enter');
    await page.locator('.total', { hasText: '$200.00' }).waitFor();
    expect(await at()).toBe('main');
  });

  it('fits names of any length and script, and reads what a vendor says as text', async () => {
    const brand = 'B'.repeat(150);
    const arabic = '\u0633\u0645\u0627\u0639\u0627\u062a (X1)';
    const attributes = { tags: ['a', 'b'], is_vegan: true, sole: { mm: 12 } };
    const options = { size: '42' };
    const long = { name: `${word}${'y'.repeat(180)}`, brand, options, attributes };
    const product = await shop.product(vendor, long);
    const other = await shop.product(vendor, { name: `${word} ${arabic}` });
    const sale = await shop.sale(vendor, product, { allotted: 1 });
    await open(`#/p/${product}`, 375);
    await page.getByText(brand).waitFor();
    await pages.fits();
    const said = async (name: string) => page.locator(`dt:text-is("${name}") + dd`).textContent();
    expect(await said('size')).toBe('42');
    expect(await said('tags')).toBe('a, b');
    expect(await said('is vegan')).toBe('yes');
    expect(await said('sole')).toBe('mm 12');
    await put(product);
    await page.getByRole('button', { name: 'Wish for it' }).click();
    await page.getByText('We keep an eye on it.').waitFor();
    await put(other, 12);
    // As narrow as a wide screen at four times its size.
    await page.setViewportSize({ width: 320, height: 800 });
    for (const path of ['#/cart', '#/checkout', '#/wishes', `sale.html?id=${sale}`]) {
      await page.goto(`${api}/${path}`);
      await page.locator('main', { hasText: word }).waitFor();
      await pages.fits();
      await pages.picture(`narrow-long-${path.replaceAll(/[^a-z]/g, '')}`);
    }
    expect(await page.locator('.prices s').textContent()).toBe('before $200.00');
    await page.goto(`${api}/#/p/${other}`);
    await page.getByRole('heading', { name: arabic }).waitFor();
    expect(await styleOf('main h1', 'unicodeBidi')).toBe('plaintext');
  });

  it('has the problems within a narrow screen', async () => {
    await open('docs/errors', 375);
    const box = "document.querySelector('.scroll')";
    const wide = await page.evaluate(`${box}.scrollWidth - ${box}.clientWidth`);
    expect(wide).toBe(0);
  });

  it('colours red what cannot be had, and not the way to be rid of it', async () => {
    const product = await shop.product(vendor, { name: `${word} Ewe`, remaining_supply: 2 });
    await open('', 375);
    await put(product, 5);
    await page.goto(`${api}/#/cart`);
    await page.getByText('Fewer are available').waitFor();
    expect(await styleOf('.line .amount', 'color')).toBe('rgb(185, 28, 28)');
    expect(await styleOf('.line button', 'color')).toBe('rgb(27, 27, 31)');
  });
});
