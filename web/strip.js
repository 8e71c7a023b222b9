/**
 * Sales that run or begin soon, above what is found where nothing is searched for, and all of them when
 * they are asked for. Where there is none, or nobody can say, nothing is shown.
 */
import { get } from './api.js';
import { leftText } from './clock.js';
import { admissionTexts, h, money, priceBefore } from './dom.js';

const shownMax = 6;
/** Beside running ones. */
const nextMax = 2;
/** Of the running ones so many are looked through for some that are not sold out. */
const liveMax = 20;
const soonMs = 86_400_000;
/** Of all, so many are read at once. */
const pageLimit = 50;
const frameMs = 1000;
/** After a bell the sales are asked for anew, at most this often. */
const anewMs = 5000;

export function saleStrip() {
  const box = h('section', { className: 'strip', 'aria-label': 'Sales', hidden: true });
  fill(box).catch(() => undefined);
  return box;
}

async function fill(box) {
  const [live, upcoming] = await Promise.all([
    get(`/v1/sales?state=live&limit=${liveMax}`),
    get(`/v1/sales?state=upcoming&limit=${shownMax}`),
  ]);
  const sales = chosen(live.items, upcoming.items);
  const isAll =
    live.next_cursor === null &&
    upcoming.next_cursor === null &&
    sales.length === live.items.length + upcoming.items.length;
  const more = isAll ? null : button('Show all sales', () => fillWithAll(box));
  await put(box, 'Sales', sales, more, () => fill(box));
}

/** What runs, the latest first, with room for the next that open. */
function chosen(live, upcoming) {
  const running = live.filter(({ state, sold_out: none }) => state === 'live' && !none).reverse();
  const soon = upcoming.filter(
    ({ starts_at: at, server_time: now }) => Date.parse(at) - Date.parse(now) < soonMs,
  );
  const room = shownMax - Math.min(nextMax, soon.length);
  return [...running.slice(0, room), ...soon].slice(0, shownMax);
}

const button = (text, act) => {
  const onclick = ({ target }) => {
    target.disabled = true;
    act().catch(() => (target.disabled = false));
  };
  return h('button', { type: 'button', onclick }, text);
};

/** All that run or are to come, so many pages of them. */
async function fillWithAll(box, pages = 1) {
  const sales = [];
  let cursor = '';
  do {
    const from = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await get(`/v1/sales?limit=${pageLimit}${from}`);
    sales.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null && sales.length < pages * pageLimit);
  const more =
    cursor === null
      ? button('Show fewer sales', () => fill(box))
      : button('Show more sales', () => fillWithAll(box, pages + 1));
  await put(box, 'All sales', sales, more, () => fillWithAll(box, pages));
}

/** `anew` fills the box once more, after a bell. */
async function put(box, title, sales, more, anew) {
  await findNames(sales);
  const rows = sales.map(row);
  const isHere = box.contains(document.activeElement);
  box.hidden = rows.length === 0 && more === null;
  box.replaceChildren(
    h('h2', {}, title),
    h(
      'ul',
      {},
      rows.map(({ item }) => item),
    ),
    ...(more === null ? [] : [h('p', {}, more)]),
  );
  if (isHere) more?.focus({ preventScroll: true });
  if (rows.length > 0) keepTime(rows, anew);
}

const productOf = ({ items: [{ product_id: product }] }) => product;

/** Of products, by their ids. */
const names = new Map();

async function findNames(sales) {
  const unknown = new Set(sales.map(productOf).filter((product) => !names.has(product)));
  const find = (product) =>
    get(`/v1/products/${encodeURIComponent(product)}`).then(
      ({ name }) => names.set(product, name),
      () => undefined,
    );
  await Promise.all([...unknown].map(find));
}

function stateText(sale, left) {
  if (sale.state === 'paused') return 'paused';
  if (sale.state === 'closing') return 'ended';
  if (sale.state !== 'scheduled') return sale.sold_out ? 'sold out' : 'live';
  return left > 0 ? `opens in ${leftText(left)}` : 'opening …';
}

function row(sale) {
  const ahead = Date.parse(sale.server_time) - Date.now();
  const [{ price, list_price: list }] = sale.items;
  const when = h('span', { className: 'when' });
  const left = () => Date.parse(sale.starts_at) - Date.now() - ahead;
  const tick = () => (when.textContent = stateText(sale, left()));
  tick();
  const item = h(
    'li',
    {},
    h(
      'a',
      { href: `/sale.html?id=${encodeURIComponent(sale.id)}` },
      h('span', { className: 'name' }, names.get(productOf(sale)) ?? 'Sale'),
      h(
        'span',
        { className: 'prices' },
        h('strong', {}, money(price)),
        price.amount < list.amount ? priceBefore(list) : null,
      ),
      when,
      h('span', { className: 'dim how' }, admissionTexts[sale.admission.mode]),
    ),
  );
  return { item, tick, hasRung: () => sale.state === 'scheduled' && left() <= 0 };
}

/** Until the strip is shown no more. */
function keepTime(rows, anew) {
  const [{ item: first }] = rows;
  const ticking = setInterval(() => {
    if (!first.isConnected) {
      clearInterval(ticking);
      return;
    }
    for (const { tick } of rows) tick();
    if (!rows.some(({ hasRung }) => hasRung())) return;
    clearInterval(ticking);
    setTimeout(() => {
      if (first.isConnected) anew().catch(() => undefined);
    }, anewMs);
  }, frameMs);
}
