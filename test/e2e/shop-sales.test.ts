// What the shop's pages say of sales, in a real browser: those that run or come, and the bells of a product.
// Skipped, and said so, where there is no chromium.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
import { inMs, Shop } from './shop.ts';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const isThere = existsSync(executablePath);
if (!isThere) {
  console.warn(`SKIPPED: sales were not looked at, there is no ${executablePath} (set CHROMIUM)`);
}

const { api } = inject('stack');
/** Where pictures of each state are written to; none by default. */
const pictures = process.env['PAGE_PICTURES'];
const word = ownName('quartz').replace('-', '');

let shop: Shop;
let vendor: string;
let browser: Browser;
let page: Page;
const problems: string[] = [];

async function open(path: string, width = 1200): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, locale: 'en-US' });
  page = await context.newPage();
  page.on('pageerror', (error) => problems.push(error.message));
  await page.goto(`${api}/${path}`);
}

const picture = async (name: string): Promise<void> => {
  if (pictures !== undefined) await page.screenshot({ path: `${pictures}/${name}.png` });
};

/** Nothing is wider than the screen. */
async function fits(): Promise<void> {
  const wide = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
  expect(wide).toBeLessThanOrEqual(0);
}

describe.skipIf(!isThere)('sales on the pages of the shop', () => {
  beforeAll(async () => {
    shop = await Shop.shared();
    vendor = await shop.vendor();
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
  });
  afterEach(async () => {
    await page.context().close();
    expect(problems.splice(0)).toEqual([]);
  });
  afterAll(() => browser.close());

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
    await fits();
    await picture('narrow-strip');
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture('narrow-strip-dark');
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
    await fits();
    await picture('narrow-product-of-sales');
    await page.getByText('2 more: show').click();
    await page.getByText('4 units announced').waitFor();
    await page.getByText('5 units announced').waitFor();
    await fits();
  });
});
