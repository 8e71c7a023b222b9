/**
 * Sales that run or begin soon, above what is found where nothing is searched for. Where there is none,
 * or nobody can say, nothing is shown.
 */
import { get } from './api.js';
import { leftText } from './clock.js';
import { h, money, priceBefore } from './dom.js';

const shownMax = 3;
/** Of the running ones so many are looked through for some that are not sold out. */
const liveMax = 20;
const soonMs = 86_400_000;
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
  const rows = await Promise.all(sales.map(row));
  box.hidden = rows.length === 0;
  box.replaceChildren(
    h('h2', {}, 'Sales'),
    h(
      'ul',
      {},
      rows.map(({ item }) => item),
    ),
  );
  if (rows.length > 0) keepTime(box, rows);
}

/** What runs, the latest first, with room for the next that opens. */
function chosen(live, upcoming) {
  const running = live.filter(({ state, sold_out: none }) => state === 'live' && !none).reverse();
  const soon = upcoming.filter(
    ({ starts_at: at, server_time: now }) => Date.parse(at) - Date.parse(now) < soonMs,
  );
  const room = shownMax - Math.min(1, soon.length);
  return [...running.slice(0, room), ...soon].slice(0, shownMax);
}

async function row(sale) {
  const ahead = Date.parse(sale.server_time) - Date.now();
  const [{ product_id: product, price, list_price: list }] = sale.items;
  const found = await get(`/v1/products/${encodeURIComponent(product)}`).catch(() => null);
  const when = h('span', { className: 'when' });
  const left = () => Date.parse(sale.starts_at) - Date.now() - ahead;
  const tick = () => {
    const isOpen = sale.state === 'live';
    when.textContent = isOpen ? 'live' : left() > 0 ? `opens in ${leftText(left())}` : 'opening …';
  };
  tick();
  const item = h(
    'li',
    {},
    h(
      'a',
      { href: `/sale.html?id=${encodeURIComponent(sale.id)}` },
      h('span', { className: 'name' }, found?.name ?? 'Sale'),
      h(
        'span',
        { className: 'prices' },
        h('strong', {}, money(price)),
        price.amount < list.amount ? priceBefore(list) : null,
      ),
      when,
    ),
  );
  return { item, tick, hasRung: () => sale.state !== 'live' && left() <= 0 };
}

/** Until the strip is shown no more. */
function keepTime(box, rows) {
  const ticking = setInterval(() => {
    if (!box.isConnected) {
      clearInterval(ticking);
      return;
    }
    for (const { tick } of rows) tick();
    if (!rows.some(({ hasRung }) => hasRung())) return;
    clearInterval(ticking);
    setTimeout(() => {
      if (box.isConnected) fill(box).catch(() => undefined);
    }, anewMs);
  }, frameMs);
}
