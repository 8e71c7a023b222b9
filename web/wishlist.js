/** The wishlist: what became cheaper or came back since it was wished for, and into the cart. */
import { asShopper, isKnown } from './api.js';
import { showCount } from './cart.js';
import { failure, h, money, newView, nothingNote, picture, say, show, staleNote } from './dom.js';

export async function showWishes() {
  if (!isKnown()) {
    show(empty());
    return;
  }
  show(h('p', { className: 'dim' }, 'Loading…'));
  await change('GET', '/v1/wishlist');
}

async function change(method, path) {
  const isShown = newView();
  try {
    const wishes = await asShopper(method, path);
    if (!isShown()) return;
    show(wishes.items.length === 0 ? empty() : view(wishes));
    say(`${wishes.items.length} on your wishlist`);
  } catch (error) {
    if (isShown()) show(failure(error, showWishes));
  }
}

const empty = () =>
  nothingNote(
    'Your wishlist is empty',
    'Wish for a product, and this page says when it is cheaper or back.',
  );

const view = (wishes) =>
  h(
    'section',
    { className: 'basket' },
    h('h1', {}, 'Your wishlist'),
    wishes.stale ? staleNote() : null,
    h('ul', {}, wishes.items.map(wish)),
  );

function wish(item) {
  const { product_id: id, name, image, price, price_then: before, available } = item;
  const title = name ?? id;
  const product = encodeURIComponent(id);
  const said = h('span', { className: 'dim', role: 'status' });
  const put = async () => {
    try {
      showCount(await asShopper('PUT', `/v1/cart/lines/${product}`, { quantity: 1 }));
      said.textContent = 'It is in your cart.';
    } catch (error) {
      said.textContent = error.problem?.detail ?? 'That did not work; try again.';
    }
  };
  return h(
    'li',
    { className: available ? 'line' : 'line off' },
    picture(image, title),
    h('a', { href: `#/p/${product}`, className: 'name' }, title),
    h('span', { className: 'each' }, money(price), ...news(item, before), ' ', said),
    h(
      'span',
      { className: 'acts' },
      h(
        'button',
        {
          type: 'button',
          disabled: !available,
          'aria-label': `Into the cart: ${title}`,
          onclick: put,
        },
        'Into the cart',
      ),
      h(
        'button',
        {
          type: 'button',
          'aria-label': `Remove ${title} from the wishlist`,
          onclick: () => void change('DELETE', `/v1/wishlist/${product}`),
        },
        'Remove',
      ),
    ),
  );
}

function news({ price_dropped: isLess, back_in_stock: isBack, available }, before) {
  const less = isLess
    ? h('span', { className: 'yes' }, ` · cheaper than ${before ? money(before) : 'before'}`)
    : null;
  const back = isBack ? h('span', { className: 'yes' }, ' · back in stock') : null;
  const none = available ? null : h('span', { className: 'no' }, ' · not available');
  return [less, back, none];
}
