/** One product: what it costs now, whether it is there, whether it comes here, and into the cart. */
import { asShopper, get, isVerified } from './api.js';
import { leftText } from './clock.js';
import {
  admissionTexts,
  announced,
  band,
  deliveryText,
  failure,
  h,
  money,
  newView,
  nothingNote,
  picture,
  priceBefore,
  show,
  staleNote,
} from './dom.js';
import { placed } from './place.js';

/** Of each flash sale that is shown. */
const ticking = [];

export function endProduct() {
  for (const timer of ticking.splice(0)) clearInterval(timer);
}

export async function showProduct(id, onCart) {
  const isShown = newView();
  endProduct();
  show(h('p', { className: 'dim' }, 'Loading…'));
  try {
    const page = await get(placed(`/v1/products/${encodeURIComponent(id)}`));
    const best = await cartOffer(page);
    if (!isShown()) return;
    show(view(page, best, onCart));
  } catch (error) {
    if (!isShown()) return;
    if (error.problem?.status === 404) {
      show(nothingNote('There is no such product any more.'));
    } else {
      show(failure(error, () => showProduct(id, onCart)));
    }
  }
}

/** The sale that a cart buys in: not one with a line, where only a turn lets buy. */
async function cartOffer({ sales }) {
  const open = sales
    .filter((sale) => sale.state === 'live' && sale.availability !== 'sold_out')
    .filter((sale) => sale.admission === 'open');
  const isOpenToAll = open.every(isForAll);
  const mine = isOpenToAll || (await isVerified()) ? open : open.filter(isForAll);
  return mine.sort((a, b) => a.price.amount - b.price.amount)[0];
}

const isForAll = ({ who }) => who === 'anyone';

function view(page, best, onCart) {
  const { name, price, availability, images, description, stale } = page;
  const now = best?.price ?? price;
  const percent = Math.round((1 - now.amount / price.amount) * 100);
  return h(
    'article',
    { className: 'product' },
    picture(images[0], name),
    h(
      'div',
      {},
      stale ? staleNote() : null,
      h('h1', {}, name),
      page.brand === null ? null : h('p', { className: 'dim' }, page.brand),
      h(
        'p',
        { className: 'prices big' },
        h('strong', {}, money(now)),
        percent > 0 ? priceBefore(price) : null,
        percent > 0 ? h('span', { className: 'less' }, `−${percent} %`) : null,
      ),
      h('p', {}, band(availability), ' ', deliveryText(page.delivery)),
      flashes(page, now),
      adding(page, onCart),
      h('p', { className: 'text' }, description),
      variants(page),
      attributes({ ...page.options, ...page.attributes }),
    ),
  );
}

/** So many bells are shown, and the others folded: what is bought here and now comes below them. */
const shownMax = 2;

/** The flash sales: those that are on first, then the next. */
function flashes({ id, sales, server_time: serverTime }, now) {
  const isOver = ({ state }) => state === 'closing';
  const all = sales
    .filter(({ kind }) => kind === 'flash')
    .sort((a, b) => isOver(a) - isOver(b) || a.starts_at.localeCompare(b.starts_at))
    .map((sale) => flash(sale, id, serverTime, now));
  const rest = all.splice(shownMax);
  const summary = h('summary', {}, `${rest.length} more: show`);
  return rest.length === 0 ? all : [...all, h('details', {}, summary, rest)];
}

/** A flash sale with its countdown, by the server's clock; `now` is the cart's price. */
function flash(sale, id, serverTime, now) {
  const isSoldOut = sale.state === 'live' && sale.availability === 'sold_out';
  const isElsewhere = sale.state === 'live' && !isSoldOut && sale.price.amount < now.amount;
  const ahead = Date.parse(serverTime) - Date.now();
  const text = h('span', {});
  const share = sale.claimed_share ?? 0;
  const claimed = `${Math.floor(share * 100)} % of ${sale.allotted} claimed`;
  const tick = () => {
    const left = (at) => leftText(Date.parse(at) - Date.now() - ahead);
    if (sale.state === 'scheduled') text.textContent = `starts in ${left(sale.starts_at)}`;
    else if (sale.state === 'paused') text.textContent = 'is paused for the moment';
    else if (sale.state === 'closing') text.textContent = 'has ended';
    else if (isSoldOut) text.textContent = 'is sold out';
    else text.textContent = sale.ends_at === null ? 'is on' : `ends in ${left(sale.ends_at)}`;
  };
  tick();
  ticking.push(setInterval(tick, 1000));
  return h(
    'div',
    { className: 'flash' },
    h('p', {}, h('strong', {}, `Sale at ${money(sale.price)} `), text, termsOf(sale)),
    h(
      'p',
      {},
      h(
        'a',
        { href: `/sale.html?id=${sale.id}&product=${encodeURIComponent(id)}` },
        sale.state === 'live' ? 'See it live' : 'See the sale',
      ),
    ),
    isElsewhere
      ? h('p', {}, `The cart buys at ${money(now)}: this price is had on the sale’s own page.`)
      : null,
    sale.state === 'scheduled'
      ? h('p', { className: 'dim' }, announced(sale.allotted))
      : h('label', {}, claimed, h('progress', { max: 1, value: share })),
  );
}

function termsOf({ who, limit_per_shopper: limit, admission }) {
  const whom = who === 'anyone' ? '' : ' · for signed-in shoppers';
  const line = admission === 'open' ? '' : ` · ${admissionTexts[admission]}`;
  return h('span', { className: 'dim' }, `${line}${whom} · at most ${limit} each`);
}

const quantityMax = 100;

function adding({ id, name, availability }, onCart) {
  const quantity = h('input', {
    type: 'number',
    min: '1',
    max: String(quantityMax),
    required: true,
    value: '1',
  });
  const said = h('span', { className: 'dim', role: 'status' });
  const act = async (event, done, request) => {
    event.preventDefault();
    said.textContent = '…';
    try {
      const answer = await request();
      said.textContent = done;
      onCart(answer);
    } catch (error) {
      said.textContent = error.problem?.detail ?? 'That did not work; try again.';
    }
  };
  const product = encodeURIComponent(id);
  return h(
    'form',
    {
      className: 'adding',
      onsubmit: (event) =>
        act(event, 'It is in your cart.', () => {
          const body = { quantity: Number(quantity.value) };
          return asShopper('PUT', `/v1/cart/lines/${product}`, body);
        }),
    },
    h('label', {}, h('span', { className: 'hidden' }, `Quantity of ${name}`), quantity),
    h('button', { className: 'main', disabled: availability === 'sold_out' }, 'Put into the cart'),
    h(
      'button',
      {
        type: 'button',
        onclick: (event) =>
          act(event, 'We keep an eye on it.', () => asShopper('PUT', `/v1/wishlist/${product}`)),
      },
      'Wish for it',
    ),
    said,
  );
}

function variants({ id, variants: all }) {
  const others = all.filter((variant) => variant.id !== id);
  if (others.length === 0) return null;
  const item = (variant) =>
    h(
      'li',
      {},
      h(
        'a',
        { href: `#/p/${encodeURIComponent(variant.id)}` },
        Object.values(variant.options).join(', ') || variant.name,
      ),
      ' ',
      money(variant.price),
      ' ',
      band(variant.availability),
    );
  return h(
    'section',
    {},
    h('h2', {}, 'Also as'),
    h('ul', { className: 'variants' }, others.map(item)),
  );
}

/** What a vendor says of a product, as text: it may be anything. */
function textOf(value) {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'object' || value === null) return String(value ?? 'none');
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return Object.entries(value)
    .map(([name, inner]) => `${titleOf(name)} ${textOf(inner)}`)
    .join(', ');
}

const titleOf = (name) => name.replaceAll('_', ' ');

function attributes(facts) {
  const rows = Object.entries(facts);
  if (rows.length === 0) return null;
  return h(
    'section',
    {},
    h('h2', {}, 'Details'),
    h(
      'dl',
      {},
      rows.flatMap(([name, value]) => [h('dt', {}, titleOf(name)), h('dd', {}, textOf(value))]),
    ),
  );
}
