// The live page of a sale in a real browser: countdown, line, turn, hold, payment; through a reload and a
// connection that is cut; what who waits sees of the line. Skipped, and said so, where there is no chromium.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
import { linkTo, type Link } from '../support/link.ts';
import { hasBrowser, Pages } from './browser.ts';
import { inMs, Shop, text } from './shop.ts';

const { api } = inject('stack');

describe.skipIf(!hasBrowser('the live page was not looked at'))('the live page', () => {
  let shop: Shop;
  let vendor: string;
  let pages: Pages;
  let link: Link;
  let page: Page;

  const picture = (name: string): Promise<void> => pages.picture(`sale-${name}`);

  async function open(sale: string, width: number, aheadMs = 0): Promise<void> {
    const url = `http://127.0.0.1:${link.port}/sale.html?id=${sale}`;
    page = await pages.open(url, { width, height: 800, aheadMs });
  }

  const seen = (text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: 30_000 });

  beforeAll(async () => {
    shop = await Shop.shared();
    vendor = await shop.vendor();
    link = await linkTo(api);
    pages = await Pages.launch();
  });
  afterEach(() => pages.leave());
  afterAll(async () => {
    await pages.close();
    await link.close();
  });

  it.each([380, 1200])(
    'from the countdown to the unit, %d px wide',
    async (width) => {
      const admission = { mode: 'queue', turn_seconds: 60 };
      const delivery = { include: [{ country: 'DE' }] };
      const product = await shop.product(vendor, { delivery });
      const sale = await shop.sale(vendor, product, { admission, starts_at: inMs(20_000) });
      await open(sale, width);
      await seen('until the sale opens');
      await seen('3 units announced');
      expect(await page.getByText('claimed').count()).toBe(0);
      await picture(`${width}-1-countdown`);
      await page.getByRole('button', { name: 'Join the line' }).click();
      await seen('You are in line');
      await pages.fits();
      await picture(`${width}-2-in-line`);
      // The place is the shopper's, not the page's.
      await page.reload();
      await seen('You are in line');
      link.misbehave({ refusing: true });
      link.drop();
      await seen('connection lost');
      await picture(`${width}-3-lost`);
      link.behave();
      await page.locator('#connection', { hasText: /^connected$/ }).waitFor({ timeout: 30_000 });
      await seen('It is your turn');
      await seen('your number');
      await picture(`${width}-4-turn`);
      await page.getByRole('button', { name: 'Hold one' }).click();
      await seen('It is set aside for you');
      // The place that was chosen in the shop.
      const place = JSON.stringify({ country: 'FR', postal_code: '75001' });
      await page.evaluate(`localStorage.setItem('highnoon.place', '${place}')`);
      await page.reload();
      await seen('It is set aside for you');
      const field = (label: string) => page.getByLabel(label, { exact: true });
      await field('E-mail').fill('ann@example.com');
      await field('Name').fill('Ann Ash');
      await field('Street and number').fill('1 High Street');
      await field('City').fill('Noonville');
      expect(await field('Postal code (if any)').inputValue()).toBe('75001');
      expect(await page.getByLabel('Country').inputValue()).toBe('FR');
      await seen(/^A fee for delivery, .* is not part of what you pay here\.$/);
      await pages.fits();
      await picture(`${width}-5-held`);
      await page.getByRole('button', { name: 'Pay (test)' }).click();
      await page.locator('form').getByText('This is not delivered to that address.').waitFor();
      expect(await field('City').inputValue()).toBe('Noonville');
      await page.getByLabel('Country').selectOption('DE');
      await page.getByRole('button', { name: 'Pay (test)' }).click();
      await seen('It is yours');
      await picture(`${width}-6-paid`);
      await page.reload();
      await seen('It is yours');
      await pages.fits();
      // The shop knows the same shopper.
      await page.getByRole('link', { name: 'See your order' }).click();
      await page.getByRole('heading', { name: 'Order: Paid' }).waitFor();
      await seen('unit no. 1');
      await picture(`${width}-7-order`);
      expect((await shop.stats(sale, vendor))['sold']).toBe(1);
    },
    90_000,
  );

  it.each([
    ['an hour ahead', 3_600_000],
    ['two days behind', -172_800_000],
  ])('counts down on the server’s clock when its own is %s', async (_what, aheadMs) => {
    const sale = await shop.sale(vendor, await shop.product(vendor), { starts_at: inMs(9000) });
    await open(sale, 380, aheadMs);
    const skew = Number(await page.evaluate('Date.now()')) - Date.now();
    expect(Math.abs(skew - aheadMs)).toBeLessThan(60_000);
    await seen(/^00:0[1-9]$/);
    await seen('until the sale opens');
    await page.getByRole('button', { name: 'Hold one' }).click();
    await seen('It is set aside for you');
    await seen(/^0[0-9]:[0-5][0-9]$/);
  });

  it('a waiting number, and an address that names no sale', async () => {
    const admission = { mode: 'queue', turn_seconds: 60 };
    const product = await shop.product(vendor);
    const sale = await shop.sale(vendor, product, { admission, allotted: 1 });
    await shop.isIn(sale, 'live');
    const ann = await shop.shopper();
    await shop.must(201, 'POST', `/v1/sales/${sale}/tickets`, { token: ann.token, key: 'first' });
    await open(sale, 380);
    await page.getByRole('button', { name: 'Join the line' }).click();
    await seen('Your number');
    await seen('You are next');
    await pages.fits();
    await picture('380-7-number');
    await page.getByRole('button', { name: 'Leave the line' }).click();
    await seen('You left the line.');
    await pages.leave();
    const draw = { admission: { mode: 'draw', turn_seconds: 60 } };
    await open(await shop.liveSale(vendor, draw), 375);
    await seen('The line is closed');
    expect(await page.getByText('Join the line').count()).toBe(0);
    await picture('375-8-line-is-closed');
    await pages.leave();
    await open('nothing', 380);
    await seen('There is no such sale.');
  }, 120_000);

  it('who waits sees the line of now, and no old answer in place of a turn', async () => {
    const admission = { mode: 'queue', turn_seconds: 300 };
    const sale = await shop.liveSale(vendor, { admission, allotted: 1 });
    const tickets = `/v1/sales/${sale}/tickets`;
    const joined = async (): Promise<string> => {
      const { token } = await shop.shopper();
      await shop.must(201, 'POST', tickets, { token, key: ownName('join') });
      return token;
    };
    const leaves = (token: string) => shop.must(200, 'DELETE', `${tickets}/me`, { token });
    const row = (name: string, value: string | RegExp) =>
      page.locator(`dt:text-is("${name}") + dd`, { hasText: value }).waitFor({ timeout: 30_000 });
    const first = await joined();
    await until('the first has a turn', async () => {
      const { json } = await shop.must(200, 'GET', `${tickets}/me`, { token: first });
      return json['state'] === 'admitted';
    });
    const front = [await joined(), await joined()];
    await open(sale, 380);
    await page.getByRole('button', { name: 'Join the line' }).click();
    await row('people ahead', /^2$/);
    // Those behind keep the line so long that only the ticket can say who is ahead.
    for (let i = 0; i < 3; i += 1) await joined();
    for (const token of front) await leaves(token);
    await row('your place', 'You are next');
    await row('your wait', 'not known yet');
    await picture('380-11-first-of-those-who-wait');
    await shop.control('pause', sale, vendor);
    await seen('the sale is paused for the moment');
    expect(await page.getByText('your wait').count()).toBe(0);
    await picture('380-12-paused');
    await shop.control('resume', sale, vendor);
    await page.getByText('your wait').waitFor();
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      void page.route('**/tickets/me', async (route) => {
        const response = await route.fetch();
        resolve();
        await new Promise<void>((go) => (answer = go));
        await route.fulfill({ response });
      });
    });
    await held;
    await leaves(first);
    await seen('It is your turn');
    const finished = page.waitForEvent('requestfinished', (one) => one.url().endsWith('/me'));
    answer();
    const response = await (await finished).response();
    expect(await response?.json()).toMatchObject({ state: 'waiting', ahead: 0 });
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(done)))');
    expect(await page.getByRole('heading', { name: 'It is your turn' }).count()).toBe(1);
    await shop.control('close', sale, vendor);
    await seen('Your turn passed without a hold.');
  }, 120_000);

  it('says whether units may come back, and when all are paid for', async () => {
    const sale = await shop.liveSale(vendor, { allotted: 1 });
    const ann = await shop.shopper();
    const order = await shop.held(sale, ann);
    await open(sale, 375);
    await seen('the sale is sold out');
    await seen('No unit is free now; some are held and may come back.');
    await pages.fits();
    await picture('375-13-only-held');
    await shop.pay(order, ann);
    await seen('All units are paid for, none can come back.');
    await picture('375-14-all-paid-for');
  });

  it('holds as many as one may have, of the product whose page it was reached from', async () => {
    const [lamp, desk] = [ownName('Lamp'), ownName('Desk')];
    const products = [
      await shop.product(vendor, { name: lamp }),
      await shop.product(vendor, { name: desk }),
    ];
    const items = products.map((id) => ({ product_id: id, allotted: 4, discount_percent: 50 }));
    const terms = { items, limit_per_shopper: 3, who: 'anyone' };
    const sale = text(await shop.create(vendor, terms), 'id');
    await shop.isIn(sale, 'live');
    page = await pages.open(`http://127.0.0.1:${link.port}/#/p/${products[1]}`, { width: 375 });
    await page.getByRole('link', { name: 'See it live' }).click();
    await page.getByRole('heading', { name: desk }).waitFor();
    await seen('One of 2 products in this sale.');
    const count = page.getByLabel('How many');
    await count.fill('4');
    await page.getByRole('button', { name: 'Hold them' }).click();
    const tooMany = "document.querySelector('input[name=quantity]').validity.rangeOverflow";
    expect(await page.evaluate(tooMany)).toBe(true);
    await count.fill('3');
    await pages.fits();
    await picture('375-15-how-many');
    await page.getByRole('button', { name: 'Hold them' }).click();
    await seen('It is set aside for you');
    await seen('1, 2, 3');
    const { json } = await shop.must(200, 'GET', `/v1/sales/${sale}/stats`, { token: vendor });
    expect(json['items']).toMatchObject([
      { product_id: products[0], held: 0 },
      { product_id: products[1], held: 3 },
    ]);
    await page.getByRole('button', { name: 'Release it' }).click();
    await seen('You let go of what was held for you.');
    await page.goto(`http://127.0.0.1:${link.port}/sale.html?id=${sale}&product=prd_nonsense`);
    await page.getByRole('heading', { name: lamp }).waitFor();
  });

  it('each address shows its own sale, in one tab, and the meter goes on while one holds', async () => {
    const more = { allotted: 2, who: 'anyone' };
    const sale = await shop.liveSale(vendor, more, { name: 'Lamp of the first' });
    const other = await shop.liveSale(vendor, more, { name: 'Desk of the second' });
    const kept = () => page.evaluate(`localStorage.getItem('highnoon.sale.${other}')`);
    const goTo = (id: string) => page.goto(`http://127.0.0.1:${link.port}/sale.html?id=${id}`);
    await open(sale, 375);
    await seen('0 % claimed, 2 left');
    await seen('until it ends');
    await seen(/^started$/);
    await seen(/[0-9]:[0-9]{2}.(AM|PM) [A-Z]{3}/);
    await seen('1 per shopper');
    const itself = page.getByRole('link', { name: 'Lamp of the first' });
    expect(await itself.getAttribute('href')).toMatch(/^\/#\/p\/prd_/);
    await page.getByRole('button', { name: 'Hold one' }).focus();
    await page.keyboard.press('Enter');
    await seen('It is set aside for you');
    // Its button is gone: the keyboard goes on from the top of the parts, and it is said.
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.locator('#said', { hasText: 'It is set aside for you.' }).waitFor();
    await page.locator('input[name=email]').fill('ann@example.com');
    await seen('50 % claimed, 1 left');
    await shop.held(sale, await shop.shopper());
    await seen('100 % claimed, 0 left');
    await seen('the sale is sold out');
    expect(await page.locator('input[name=email]').inputValue()).toBe('ann@example.com');
    await picture('375-8-meter-while-held');
    await goTo(other);
    await seen('Desk of the second');
    await seen('0 % claimed, 2 left');
    expect(await page.getByText('It is set aside for you').count()).toBe(0);
    await shop.control('close', other, vendor);
    await seen('Nothing was sold.');
    await page.reload();
    await seen('Nothing was sold.');
    await seen('Desk of the second');
    expect(await page.getByText('It is set aside for you').count()).toBe(0);
    expect(String(await kept())).not.toContain('ord_');
    await picture('375-9-ended');
    for (const unknown of ['sal_nonsense', `${sale.slice(0, -2)}zz`]) {
      await goTo(unknown);
      await seen('There is no such sale.');
      await page.getByRole('link', { name: 'To the shop' }).waitFor();
      expect(await page.getByText('It is set aside for you').count()).toBe(0);
    }
    await picture('375-10-no-such-sale');
    await goTo(sale);
    await seen('It is set aside for you');
    await seen('Lamp of the first');
  }, 120_000);
});
