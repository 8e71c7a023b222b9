/**
 * The shop's page: an address after `#` names the view, so that back, forward and reload work
 * without a server's help. `#/?q=…` searches, `#/p/{id}` is a product, `#/o/{id}` an order;
 * `#/cart`, `#/checkout`, `#/checkout/{product}`, `#/wishes` and `#/orders` are what they say.
 */
import { get } from './api.js';
import { countCart, showCart, showCount } from './cart.js';
import { byId, h, newView } from './dom.js';
import { showCheckout } from './checkout.js';
import { endOrder, showOrder, showOrders } from './orders.js';
import { openPlace } from './place.js';
import { endProduct, showProduct } from './product.js';
import { endSearch, showSearch } from './search.js';
import { showWishes } from './wishlist.js';

const typingPauseMs = 120;

const addressOf = (asked) => (asked.size === 0 ? '#/' : `#/?${asked}`);

/** The search that the address names; none on another view. */
function askedNow() {
  const [path, query] = location.hash.slice(1).split('?', 2);
  return path === '' || path === '/' ? new URLSearchParams(query ?? '') : null;
}

/** A part of the address as text; one that is malformed stands for itself, and names nothing. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Goes to the same search with some of it changed: null = without, a list = each of it, `only` =
 * nothing but that, null = nothing.
 */
function narrow(changes) {
  const asked = askedNow() ?? new URLSearchParams();
  const kept =
    'only' in changes ? [...asked].filter(([name]) => name === changes.only) : [...asked];
  const next = new URLSearchParams(kept);
  for (const [name, value] of Object.entries(changes)) {
    if (name === 'only') continue;
    next.delete(name);
    for (const one of [value ?? []].flat()) next.append(name, one);
  }
  location.hash = addressOf(next);
}

/** `moved` = the shopper went to another view, so the reading place goes there too. */
async function route(moved) {
  newView();
  endSearch();
  endProduct();
  endOrder();
  const asked = askedNow();
  const [, product] = /^#\/p\/([^?]+)$/.exec(location.hash) ?? [];
  if (asked !== null) {
    if (document.activeElement !== byId('q')) byId('q').value = asked.get('q') ?? '';
    await showSearch(asked, narrow);
    return;
  }
  if (moved) {
    window.scrollTo(0, 0);
    byId('main').focus({ preventScroll: true });
  }
  if (product !== undefined) await showProduct(decoded(product), showCount);
  else await showOther();
}

/** Views by the first part of the address; what follows is the id of something. */
const views = {
  cart: () => showCart(),
  wishes: () => showWishes(),
  orders: () => showOrders(),
  o: (id) => showOrder(id),
  checkout: (id) => showCheckout(id),
};

async function showOther() {
  const [name, id = ''] = location.hash.slice(2).split('?', 1)[0].split('/');
  const shown = Object.hasOwn(views, name) ? views[name] : null;
  if (shown === null) location.replace('#/');
  else await shown(decoded(id));
}

let typing;

/** Each pause in typing searches; the address is replaced, so that back leaves the search. */
function typed() {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const q = byId('q').value.trim();
    const asked = new URLSearchParams(q === '' ? [] : [['q', q]]);
    history.replaceState(null, '', addressOf(asked));
    void route(false);
    void suggest(q);
  }, typingPauseMs);
}

async function suggest(q) {
  const found =
    q === '' ? null : await get(`/v1/suggest?${new URLSearchParams({ q })}`).catch(() => null);
  const options = (found?.suggestions ?? []).map((value) => h('option', { value }));
  byId('suggestions').replaceChildren(...options);
}

byId('q').addEventListener('input', typed);
byId('search').addEventListener('submit', (event) => {
  event.preventDefault();
  typed();
});
window.addEventListener('hashchange', () => void route(true));
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
});
openPlace(() => void route(false));
void route(false);
countCart().catch(() => undefined);
