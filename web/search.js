/** Search as you type, with what can be narrowed and whether it is delivered. */
import { get } from './api.js';
import {
  band,
  byId,
  deliveryText,
  failure,
  h,
  money,
  picture,
  priceBefore,
  say,
  show,
  staleNote,
  titled,
} from './dom.js';
import { facets } from './facets.js';
import { placeQuery } from './place.js';
import { saleStrip } from './strip.js';

const limit = 24;
let running = null;

/** Shows what fits `asked` (URLSearchParams of the address); `narrow` goes to another address. */
export async function showSearch(asked, narrow) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const before = byId('main').querySelector('.results');
  before?.setAttribute('aria-busy', 'true');
  if (before === null) show(h('p', { className: 'dim' }, 'Searching…'));
  try {
    const found = await get(`/v1/search?${queryOf(asked)}`, mine.signal);
    if (mine.signal.aborted) return;
    show(asked.size === 0 ? saleStrip() : null, layout(found, asked, narrow));
    titled(asked.get('q'));
    say(summary(found));
  } catch (error) {
    if (mine.signal.aborted) return;
    show(refusedSearch(error, asked, narrow));
  }
}

/** What is refused once is refused again: then the way on is a search without it. */
function refusedSearch(error, asked, narrow) {
  if (error.problem?.status !== 400) return failure(error, () => showSearch(asked, narrow));
  const only = error.problem.param === 'q' ? null : 'q';
  return failure(error, () => narrow({ only }), 'Search everywhere');
}

/** Leaving the view ends its request. */
export function endSearch() {
  running?.abort();
}

function queryOf(asked, cursor) {
  const query = new URLSearchParams(asked);
  for (const [name, value] of Object.entries(placeQuery())) query.set(name, value);
  // Without a place nothing can be said to be deliverable.
  if (!query.has('country')) query.delete('deliverable');
  query.set('limit', String(limit));
  if (cursor !== undefined) query.set('cursor', cursor);
  return query.toString();
}

function summary({ total, total_approximate: about }) {
  if (total === 0) return 'No products found';
  return `${about ? 'About ' : ''}${total.toLocaleString()} ${total === 1 ? 'product' : 'products'}`;
}

function layout(found, asked, narrow) {
  const list = h('ul', { className: 'hits' }, found.hits.map(hit));
  const more = h('div', { className: 'more' });
  offerMore(more, list, asked, found.next_cursor);
  return h(
    'div',
    { className: 'results' },
    facets(found, asked, narrow),
    h(
      'section',
      {},
      h('div', { className: 'bar' }, h('h1', {}, summary(found)), sorting(asked, narrow)),
      found.stale ? staleNote() : null,
      found.hits.length > 0 ? list : nothing(asked, narrow),
      more,
    ),
  );
}

function nothing(asked, narrow) {
  const isNarrowed = [...asked.keys()].some((name) => name !== 'q');
  return h(
    'div',
    { className: 'note' },
    h('p', {}, 'Nothing fits. Try fewer or other words.'),
    isNarrowed
      ? h('button', { type: 'button', onclick: () => narrow({ only: 'q' }) }, 'Search everywhere')
      : null,
  );
}

function hit(product) {
  const { id, name, price, list_price: before, availability, delivery, sale } = product;
  const isLess = price.amount < before.amount;
  return h(
    'li',
    {},
    h(
      'a',
      { className: 'hit', href: `#/p/${encodeURIComponent(id)}` },
      picture(product.image, name),
      h('span', { className: 'name' }, name),
      h(
        'span',
        { className: 'prices' },
        h('strong', {}, money(price)),
        isLess ? priceBefore(before) : null,
      ),
      saleText(sale, price),
      band(availability),
      h('span', { className: 'delivery' }, deliveryText(delivery)),
    ),
  );
}

const clock = new Intl.DateTimeFormat(undefined, {
  ...{ weekday: 'short', hour: 'numeric', minute: '2-digit' },
});

/** A flash sale that runs, or the next one; `price` is what is shown beside it. */
function saleText(sale, price) {
  if (sale === undefined) return null;
  const text =
    sale.state === 'scheduled'
      ? `${money(sale.price)} from ${clock.format(new Date(sale.starts_at))}`
      : sale.price.amount === price.amount
        ? 'On sale'
        : `On sale: ${money(sale.price)}`;
  return h('span', { className: 'sale' }, text);
}

function offerMore(more, list, asked, cursor) {
  more.replaceChildren();
  if (cursor === null) return;
  const load = async (event) => {
    event.target.disabled = true;
    try {
      const next = await get(`/v1/search?${queryOf(asked, cursor)}`);
      const items = next.hits.map(hit);
      list.append(...items);
      items[0]?.querySelector('a').focus({ preventScroll: true });
      offerMore(more, list, asked, next.next_cursor);
    } catch (error) {
      more.replaceChildren(failure(error, () => offerMore(more, list, asked, cursor)));
    }
  };
  more.append(h('button', { type: 'button', onclick: load }, 'Show more'));
}

const sorts = {
  relevance: 'Best match',
  price: 'Price, low first',
  '-price': 'Price, high first',
  newest: 'Newest',
  popularity: 'Popular',
};

function sorting(asked, narrow) {
  const select = h(
    'select',
    { 'data-key': 'sort', onchange: (event) => narrow({ sort: event.target.value }) },
    Object.entries(sorts).map(([value, text]) => h('option', { value }, text)),
  );
  select.value = asked.get('sort') ?? 'relevance';
  return h('label', { className: 'sort' }, 'Sort ', select);
}
