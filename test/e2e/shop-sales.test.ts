// What the shop's pages say of sales, in a real browser: those that run or come, and the bells of a product.
// Skipped, and said so, where there is no chromium.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
import { hasBrowser, Pages } from './browser.ts';
import { inMs, Shop } from './shop.ts';

const { api } = inject('stack');
const word = ownName('quartz').replace('-', '');

let shop: Shop;
let vendor: string;
let pages: Pages;
let page: Page;

async function open(path: string, width = 1200): Promise<void> {
  page = await pages.open(`${api}/${path}`, { width });
}

describe.skipIf(!hasBrowser('sales were not looked at'))('sales on the pages of the shop', () => {
  beforeAll(async () => {
    shop = await Shop.shared();
    vendor = await shop.vendor();
    pages = await Pages.launch();
  });
  afterEach(() => pages.leave());
  afterAll(() => pages.close());

  it('shows sales that run or open soon where nothing is searched for', async () => {
    const more = { starts_at: inMs(600_000) };
    const product = await shop.product(vendor, { name: `${word} Lamp` });
    const soon = await shop.sale(vendor, product, more);
    const later = await shop.sale(vendor, product, { starts_at: inMs(3 * 86_400_000) });
    await shop.liveSale(vendor);
    await open('', 375);
    const strip = page.getByRole('region', { name: 'Sales' });
    await strip.getByText('live').first().waitFor();
    // Other tests have sales that are to come too.
    await strip
      .getByText(/^opens in [0-9:]+$/)
      .first()
      .waitFor();
    const links = await strip.getByRole('link').all();
    expect(links.length).toBeLessThanOrEqual(6);
    for (const link of links) {
      expect(await link.getAttribute('href')).toMatch(/^\/sale\.html\?id=sal_[0-9a-z]+$/);
    }
    await pages.fits();
    await pages.picture('narrow-strip');
    await page.emulateMedia({ colorScheme: 'dark' });
    await pages.picture('narrow-strip-dark');
    await strip.getByText('open to all at once').first().waitFor();
    await strip.getByRole('button', { name: 'Show all sales' }).click();
    await strip.getByRole('heading', { name: 'All sales' }).waitFor();
    expect(await strip.getByRole('link').count()).toBeGreaterThan(links.length);
    await page.getByLabel('Search for products').fill(word);
    await strip.waitFor({ state: 'detached' });
    await page.route('**/v1/sales?*', (route) => route.abort());
    await page.goto(`${api}/#/`);
    await page.locator('.hit').first().waitFor();
    expect(await strip.count()).toBe(0);
    expect(await page.getByRole('alert').count()).toBe(0);
    for (const sale of [soon, later]) {
      await shop.command('DELETE', `/v1/sales/${sale}`, { token: vendor });
    }
  });

  it('a product has its next two before the cart, and says of each what it is', async () => {
    const product = await shop.product(vendor, { name: `${word} Chair` });
    const live = await shop.sale(vendor, product, { allotted: 1 });
    await shop.isIn(live, 'live');
    await shop.held(live, await shop.shopper());
    for (const days of [3, 4, 5]) {
      const more = { allotted: days, starts_at: inMs(days * 86_400_000), duration_seconds: 60 };
      await shop.sale(vendor, product, more);
    }
    await until('the product has them all, one of them sold out', async () => {
      const { json } = await shop.must(200, 'GET', `/v1/products/${product}`);
      const sales = json['sales'] as { kind: string; state: string; availability: string }[];
      const isSoldOut = sales.some(
        (one) => one.state === 'live' && one.availability === 'sold_out',
      );
      return isSoldOut && sales.filter(({ kind }) => kind === 'flash').length === 4;
    });
    await open(`#/p/${product}`, 375);
    const first = page.locator('.flash', { hasText: 'is sold out' });
    await first.getByRole('link', { name: 'See it live' }).waitFor();
    const next = page.locator('.flash', { hasText: /starts in 2 d 23:/ });
    await next.getByRole('link', { name: 'See the sale' }).waitFor();
    await next.getByText('3 units announced').waitFor();
    await next.getByText('at most 1 each').waitFor();
    expect(await page.getByText('4 units announced').isVisible()).toBe(false);
    await pages.fits();
    await pages.picture('narrow-product-of-sales');
    await page.getByText('2 more: show').click();
    await page.getByText('4 units announced').waitFor();
    await page.getByText('5 units announced').waitFor();
    await pages.fits();
  });
});
