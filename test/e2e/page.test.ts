// The shop's page in a real browser: found, looked at, put into the cart; narrow screens, faults, no
// word from a vendor becomes markup. Skipped, and said so, where there is no chromium.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownName, until } from '../support/environment.ts';
import { hasBrowser, Pages } from './browser.ts';
import { details, Shop } from './shop.ts';

const { api } = inject('stack');
const word = ownName('zephyr').replace('-', '');

const notPaidHere = /^A fee for delivery, .* is not part of what you pay here\.$/;

let shop: Shop;
let vendor: string;
let pages: Pages;
let page: Page;

async function open(path: string, width = 1200): Promise<void> {
  page = await pages.open(`${api}/${path}`, { width });
}

describe.skipIf(!hasBrowser('the page was not looked at'))('the page', () => {
  let laptop: string;
  let gone: string;

  beforeAll(async () => {
    shop = await Shop.shared();
    vendor = await shop.vendor();
    const fee = { amount: 490, currency: 'USD' };
    const delivery = { include: [{ country: 'DE', eta_days: [2, 4], fee }] };
    laptop = await shop.product(vendor, { name: `${word} Laptop`, brand: 'KUHL', delivery });
    const nasty = '<img src=x onerror="document.title=1">';
    gone = await shop.product(vendor, {
      name: `${word} ${nasty}`,
      remaining_supply: 0,
      attributes: { ram: { gb: 10 }, note: nasty },
    });
    await shop.product(vendor, {
      ...{ name: `${word} Mouse`, price_usd: 19.99 },
      attributes: { colour: 'red', buttons: 3 },
    });
    const terms = { allotted: 5, limit_per_shopper: 2, who: 'anyone' };
    const sale = await shop.sale(vendor, laptop, terms);
    await shop.isIn(sale, 'live');
    await until('all are found, the laptop at the price of its sale', async () => {
      const { json } = await shop.ask('GET', `/v1/search?q=${word}`);
      const hits = (json['hits'] ?? []) as { id: string; price: { amount: number } }[];
      return hits.length === 3 && hits.some(({ price }) => price.amount === 10_000);
    });
    pages = await Pages.launch();
  });
  afterEach(() => pages.leave());
  afterAll(() => pages.close());

  it('finds as one types, and narrows down', async () => {
    await open('');
    await page.getByLabel('Search for products').pressSequentially(word);
    await page.getByRole('heading', { name: '3 products', exact: true }).waitFor();
    expect(await page.locator('.hit', { hasText: 'Laptop' }).textContent()).toContain('$100.00');
    await pages.picture('results');
    await page.getByLabel('Deliver to').selectOption('FR');
    await page.getByText('Not delivered to you').waitFor();
    await page.getByLabel('Delivers to me').check();
    await page.getByRole('heading', { name: '2 products', exact: true }).waitFor();
    // The facets were made anew, and the keyboard goes on where it was.
    expect(await page.evaluate('document.activeElement.dataset.key')).toBe('deliverable');
    await pages.picture('deliverable');
    await page.getByLabel('Search for products').fill('qqqqxxxxzzzz');
    await page.getByText('Nothing fits').waitFor();
    await pages.picture('nothing');
  });

  it('narrows down by attributes, all of which have to hold, and by a bar of prices', async () => {
    await open(`#/?q=${word}`);
    const products = (count: string) =>
      page.getByRole('heading', { name: `${count} product`, exact: false }).waitFor();
    await products('3');
    const chosen = page.getByRole('button', { pressed: true });
    const isPressed = (count: number) =>
      until(`${count} are pressed`, async () => (await chosen.count()) === count);
    await page.getByText('colour', { exact: true }).click();
    await page.getByRole('button', { name: 'red 1' }).click();
    await products('1');
    // What was unfolded stays so, whatever is chosen next to it.
    await page.getByText('buttons', { exact: true }).click();
    await page.getByRole('button', { name: 'red 1' }).click();
    await products('3');
    await page.getByRole('button', { name: 'red 1' }).click();
    await products('1');
    await page.getByRole('button', { name: '3 1', exact: true }).click();
    await isPressed(2);
    await pages.picture('attributes');
    await page.reload();
    await products('1');
    for (const count of [2, 1]) {
      await isPressed(count);
      await chosen.first().click();
      await isPressed(count - 1);
    }
    await products('3');
    await page.getByRole('button', { name: '$10.00 – $24.99 1' }).click();
    await products('1');
    expect(await page.getByLabel('to', { exact: true }).inputValue()).toBe('24.99');
    await pages.picture('prices');
    await page.getByRole('button', { name: '$10.00 – $24.99 1' }).click();
    await products('3');
    await page.setViewportSize({ width: 375, height: 900 });
    await page.reload();
    await page.getByText('Narrow down').click();
    await page.getByRole('button', { name: '$10.00 – $24.99 1' }).click();
    await products('1');
    // What was opened stays open.
    await pages.fits();
    await pages.picture('narrow-facets');
    await page.getByRole('button', { name: '× any price' }).click();
    await products('3');
    // The ends of a range in any order.
    await page.getByLabel('from', { exact: true }).fill('24.99');
    await page.getByLabel('from', { exact: true }).press('Enter');
    await products('2');
    await page.getByLabel('to', { exact: true }).fill('-5');
    await page.getByLabel('to', { exact: true }).press('Enter');
    await products('1');
    expect(await page.getByLabel('from', { exact: true }).inputValue()).toBe('0');
  });

  it('has a way on from an address that is none', async () => {
    await open(`#/?q=${word}&sort=best`);
    await page.getByRole('button', { name: 'Search everywhere' }).click();
    await page.getByRole('heading', { name: '3 products', exact: true }).waitFor();
    await page.evaluate(`localStorage.setItem('highnoon.guest', '{')`);
    for (const [path, text] of [
      ['p/%', 'There is no such product any more.'],
      ['o/%', 'No such order.'],
      ['cart', 'Your cart is empty'],
    ]) {
      await page.goto(`${api}/#/${path}`);
      await page.getByText(text ?? '').waitFor();
    }
  });

  it('takes over the cart of a guest of before', async () => {
    const guest = await shop.must(201, 'POST', '/v1/guest-sessions');
    const path = `/v1/cart/lines/${laptop}`;
    const body = { quantity: 2 };
    await shop.must(200, 'PUT', path, { token: String(guest.json['token']), body });
    await open('');
    await page.evaluate(`localStorage.setItem('highnoon.guest', ${JSON.stringify(guest.text)})`);
    await page.reload();
    await page.getByRole('link', { name: 'Cart 2' }).waitFor();
    expect(await page.evaluate("localStorage.getItem('highnoon.guest')")).toBe(null);
  });

  it('shows a product, and takes it into the cart and out', async () => {
    await open(`#/p/${laptop}`);
    await page.getByRole('heading', { name: `${word} Laptop` }).waitFor();
    await page.getByText('ends in').waitFor();
    await pages.picture('product');
    await page.getByLabel('Quantity of').fill('2');
    await page.getByRole('button', { name: 'Put into the cart' }).click();
    await page.getByText('It is in your cart.').waitFor();
    await page.getByRole('button', { name: 'Wish for it' }).click();
    await page.getByText('We keep an eye on it.').waitFor();
    await page.getByRole('link', { name: 'Cart 2' }).click();
    await page.getByRole('heading', { name: 'Your cart' }).waitFor();
    expect(await page.locator('.total').textContent()).toContain('$200.00');
    await page.getByText(notPaidHere).waitFor();
    await pages.picture('cart');
    const said: (string | null)[] = [];
    page.on('request', (asked) => said.push(asked.postData()));
    for (const quantity of ['', '3']) {
      await page.getByLabel('Quantity of').fill(quantity);
      await page.getByLabel('Quantity of').press('Tab');
    }
    // Above the limit of the flash sale the standing sale's price counts.
    await page.getByText('$600.00').first().waitFor();
    expect(said.filter((body) => body !== null)).toEqual(['{"quantity":3}']);
    await page.reload();
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('heading', { name: 'Your cart is empty' }).waitFor();
    await pages.picture('empty');
  });

  it('judges delivery by the chosen place, and leaves the address of an order alone', async () => {
    await open(`#/p/${laptop}`);
    await page.getByRole('button', { name: 'Put into the cart' }).click();
    await page.getByText('It is in your cart.').waitFor();
    const who = await page.evaluate("JSON.parse(localStorage.getItem('highnoon.shopper')).token");
    const token = String(who);
    const body = { ...details.address, email: details.email };
    await shop.must(200, 'PUT', '/v1/me/addresses', { token, body });
    await page.getByLabel('Deliver to').selectOption('FR');
    await page.getByText('Not delivered to you').waitFor();
    await page.goto(`${api}/#/cart`);
    await page.locator('.line').getByText('Not delivered to you').waitFor();
    const saved = await shop.must(200, 'GET', '/v1/me/addresses', { token });
    expect(saved.json['items']).toEqual([body]);
    await page.getByLabel('Deliver to').selectOption('');
    await page.goto(`${api}/#/?q=${word}`);
    await page.locator('.hit', { hasText: 'Laptop' }).getByText('Say where you are').waitFor();
  });

  it('shows no late answer in place of what was opened since', async () => {
    await open('#/cart');
    let letGo = (): void => undefined;
    const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
    const product = `**/v1/products/${laptop}*`;
    await page.route(product, (route) => isLetGo.then(() => route.continue()));
    await page.goto(`${api}/#/p/${laptop}`);
    await page.getByText('Loading…').waitFor();
    await page.getByRole('link', { name: 'Cart' }).click();
    await page.getByText('Your cart is empty').waitFor();
    const late = page.waitForResponse(product);
    letGo();
    await (await late).finished();
    // What is asked for after it comes after it.
    await page.evaluate("fetch('/v1/suggest?q=x').then((answer) => answer.text())");
    expect(await page.getByText('Your cart is empty').count()).toBe(1);
  });

  it('orders all of the cart at once, and says of each line what is in the way', async () => {
    const { near, far } = await shop.neighbours(vendor, { name: `${word.slice(1)} Chair` });
    const put = async (product: string) => {
      await page.goto(`${api}/#/p/${product}`);
      await page.getByRole('button', { name: 'Put into the cart' }).click();
      await page.getByText('It is in your cart.').waitFor();
    };
    await open('', 380);
    const away = await shop.neighbourOf(near[0], vendor, {
      delivery: { include: [{ country: 'FR' }] },
    });
    for (const product of [...near, away]) await put(product);
    await page.goto(`${api}/#/cart`);
    await page.getByRole('link', { name: 'Check out everything' }).waitFor();
    await put(far);
    await page.goto(`${api}/#/cart`);
    const apart = page.getByRole('listitem').filter({ hasText: 'It is ordered apart' });
    await apart.waitFor();
    expect(await apart.getByRole('link').first().getAttribute('href')).toContain(far);
    await pages.fits();
    await pages.picture('narrow-cart-of-two-orders');
    await page.getByRole('link', { name: 'Check out the others' }).click();
    await page.getByRole('heading', { name: 'Check out' }).waitFor();
    expect(await page.locator('.total').textContent()).toContain('$600.00');
    for (const label of ['Name', 'Street and number', 'City']) {
      await page.getByLabel(label, { exact: true }).fill('Ann');
    }
    await page.getByLabel('E-mail').fill('ann@example.com');
    await page.getByLabel('Country').selectOption('DE');
    await page.getByRole('button', { name: 'Order and hold it' }).click();
    const alert = page.getByRole('alert');
    await alert.getByText('not delivered').first().waitFor();
    expect(await alert.getByRole('listitem').count()).toBe(1);
    await pages.fits();
    await pages.picture('narrow-checkout-refused');
    await alert.getByRole('button', { name: 'Leave it in the cart' }).click();
    await page.locator('.total', { hasText: '$400.00' }).waitFor();
    await pages.fits();
    // The name has the line to itself.
    const [name, row] = [page.locator('.order > span').first(), page.locator('.order').first()];
    expect((await name.boundingBox())?.width).toBe((await row.boundingBox())?.width);
    await pages.picture('narrow-checkout-of-two');
    await page.getByRole('button', { name: 'Order and hold it' }).click();
    await page.getByRole('heading', { name: 'Order: Held for you' }).waitFor();
    expect(await page.locator('.order').count()).toBe(2);
    await pages.fits();
    await pages.picture('narrow-held-of-two');
    await page.getByRole('button', { name: 'Pay (test)' }).click();
    await page.getByRole('heading', { name: 'Order: Paid' }).waitFor();
    await page.goto(`${api}/#/cart`);
    // What was left in it is ordered next.
    await page.locator('.total', { hasText: '$400.00' }).waitFor();
    await pages.picture('narrow-cart-of-the-rest');
    await page.getByRole('link', { name: 'Check out' }).click();
    await page.getByRole('button', { name: 'Order and hold it' }).click();
    await page.getByRole('heading', { name: 'Order: Held for you' }).waitFor();
  });

  it('says so in a page where there is nothing', async () => {
    await open('no/such/page', 380);
    await page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
    await pages.fits();
    await pages.picture('narrow-missing');
    await page.getByRole('link', { name: 'To the shop' }).click();
    await page.getByLabel('Search for products').waitFor();
  });

  it('takes an order from the cart to its payment, and remembers where to', async () => {
    await open(`#/p/${laptop}`, 380);
    await page.getByRole('button', { name: 'Put into the cart' }).click();
    await page.getByText('It is in your cart.').waitFor();
    await page.goto(`${api}/#/cart`);
    await page.getByRole('link', { name: 'Check out' }).click();
    await page.getByRole('heading', { name: 'Check out' }).waitFor();
    const said = {
      'E-mail': 'ann@example.com',
      Name: 'Ann Ash',
      'Street and number': '1 High Street',
      City: 'Noonville',
    };
    for (const [label, text] of Object.entries(said)) {
      await page.getByLabel(label, { exact: true }).fill(text);
    }
    await page.getByLabel('Country').selectOption('FR');
    await pages.fits();
    await pages.picture('narrow-checkout');
    await page.getByRole('button', { name: 'Order and hold it' }).click();
    // Its vendor delivers to one country only.
    await page.getByRole('alert').filter({ hasText: 'not delivered' }).waitFor();
    await page.getByLabel('Country').selectOption('DE');
    await page.getByRole('button', { name: 'Order and hold it' }).click();
    await page.getByRole('heading', { name: 'Order: Held for you' }).waitFor();
    await pages.fits();
    await pages.picture('narrow-held');
    await page.getByRole('button', { name: 'Pay (test)' }).click();
    await page.getByRole('heading', { name: 'Order: Paid' }).waitFor();
    await page.getByText('Ann Ash, 1 High Street, Noonville, Germany').waitFor();
    await pages.picture('narrow-paid');
    await until('the list has it', async () => {
      await page.goto(`${api}/#/`);
      await page.goto(`${api}/#/orders`);
      await page.getByRole('heading', { name: /My orders|No orders yet/ }).waitFor();
      return (await page.getByText('Paid').count()) > 0;
    });
    await page
      .getByRole('link', { name: `1 × ${word} Laptop` })
      .first()
      .waitFor();
    await pages.fits();
    await pages.picture('narrow-orders');
    await page.goto(`${api}/#/cart`);
    await page.getByText('Your cart is empty').waitFor();
    await page.goto(`${api}/#/p/${laptop}`);
    await page.getByRole('button', { name: 'Put into the cart' }).click();
    await page.getByText('It is in your cart.').waitFor();
    await page.goto(`${api}/#/cart`);
    await page.getByRole('link', { name: 'Check out' }).click();
    expect(await page.getByLabel('City', { exact: true }).inputValue()).toBe('Noonville');
    await page.getByText('Delivers to you in 2–4 days · fee $4.90, not paid here').waitFor();
    await page.getByText(notPaidHere).waitFor();
    await pages.picture('narrow-checkout-with-fee');
    await page.getByRole('button', { name: 'Order and hold it' }).click();
    await page.getByText(notPaidHere).waitFor();
    expect(await page.locator('.total').textContent()).toBe('Total $100.00');
    await pages.picture('narrow-held-with-fee');
    await page.getByRole('button', { name: 'Release it' }).click();
    await page.getByRole('heading', { name: 'Order: Released' }).waitFor();
  });

  it('keeps an eye on wishes', async () => {
    await open(`#/p/${laptop}`, 380);
    await page.getByRole('button', { name: 'Wish for it' }).click();
    await page.getByText('We keep an eye on it.').waitFor();
    await page.getByRole('link', { name: 'Wishlist' }).click();
    await page.getByRole('heading', { name: 'Your wishlist', exact: true }).waitFor();
    await pages.fits();
    await pages.picture('narrow-wishes');
    await page.getByRole('button', { name: 'Into the cart' }).click();
    await page.getByText('It is in your cart.').waitFor();
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('heading', { name: 'Your wishlist is empty' }).waitFor();
  });

  it('says what is sold out, and takes no markup from a vendor', async () => {
    await open(`#/p/${gone}`);
    await page.getByText('Sold out').waitFor();
    expect(await page.getByRole('button', { name: 'Put into the cart' }).isDisabled()).toBe(true);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await page.title()).toContain('<img src=x');
    await pages.picture('soldout');
  });

  it('says what went wrong, and tries again', async () => {
    await open('#/cart');
    await page.getByText('Your cart is empty').waitFor();
    await page.route('**/v1/search*', (route) => route.abort());
    await page.getByLabel('Search for products').fill(word);
    await page.getByRole('alert').waitFor();
    await pages.picture('error');
    await page.unroute('**/v1/search*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: '3 products', exact: true }).waitFor();
  });

  it('works at 360 pixels, and by keyboard alone', async () => {
    await open(`#/?q=${word}`, 360);
    await page.getByRole('heading', { name: '3 products', exact: true }).waitFor();
    await pages.fits();
    await pages.picture('narrow');
    await page.getByRole('link', { name: 'Mouse' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `${word} Mouse` }).waitFor();
    await pages.fits();
    await pages.picture('narrow-product');
    await page.getByRole('button', { name: 'Put into the cart' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('It is in your cart.').waitFor();
    await page.goto(`${api}/#/cart`);
    await page.getByText('$19.99').first().waitFor();
    await pages.fits();
    await pages.picture('narrow-cart');
  });
});
