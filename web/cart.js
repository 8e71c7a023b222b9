/** The cart: priced now by the shop, saying of each line what changed since it was put. */
import { asShopper, isKnown } from './api.js';
import {
  byId,
  deliveryText,
  failure,
  h,
  money,
  newView,
  nothingNote,
  picture,
  say,
  show,
  staleNote,
  withoutFee,
} from './dom.js';
import { placed } from './place.js';

export function showCount(cart) {
  if (cart.lines === undefined) return;
  const units = cart.lines.reduce((sum, { quantity }) => sum + quantity, 0);
  byId('count').textContent = units === 0 ? '' : String(units);
}

/** The number beside the link; who is not known yet has no cart. */
export async function countCart() {
  if (isKnown()) showCount(await asShopper('GET', '/v1/cart'));
}

export async function showCart() {
  if (!isKnown()) {
    show(empty());
    return;
  }
  show(h('p', { className: 'dim' }, 'Loading…'));
  await change();
}

/** Shows the cart, changed before if there is a `method`. */
async function change(method, path, body) {
  const isShown = newView();
  try {
    // The answer to a change knows nothing of the chosen place.
    if (method !== undefined) await asShopper(method, path, body);
    const cart = await asShopper('GET', placed('/v1/cart'));
    showCount(cart);
    if (!isShown()) return;
    show(cart.lines.length === 0 ? empty() : view(cart));
    say(`Total ${money(cart.total)}`);
  } catch (error) {
    if (isShown()) show(failure(error, showCart));
  }
}

const empty = () => nothingNote('Your cart is empty');

function view(cart) {
  const free = cart.lines.filter(({ available }) => available);
  const ready = free.filter(({ ordered_apart: isApart }) => !isApart).length;
  return h(
    'section',
    { className: 'basket' },
    h('h1', {}, 'Your cart'),
    cart.stale ? staleNote() : null,
    h(
      'ul',
      {},
      cart.lines.map((one) => line(one, free.length > 1)),
    ),
    h('p', { className: 'total' }, 'Total ', h('strong', {}, money(cart.total))),
    withoutFee(),
    ready > 0
      ? h(
          'p',
          { className: 'all' },
          h('a', { className: 'main', href: '#/checkout' }, orderText(ready, free.length - ready)),
        )
      : null,
  );
}

function orderText(ready, apart) {
  if (apart > 0) return 'Check out the others';
  return ready > 1 ? 'Check out everything' : 'Check out';
}

const changes = {
  price: 'The price has changed.',
  availability: 'Whether it can be bought has changed.',
  quantity: 'Not all of it found room.',
  withdrawn: 'It is not sold any more.',
};

/** `hasOthers` = it can be bought by itself or with the others. */
function line(one, hasOthers) {
  const { product_id: id, name, image, quantity, price } = one;
  const { amount, available, fewer_available: fewer, delivery, changed } = one;
  const { ordered_apart: isApart } = one;
  const notNow = fewer ? 'Fewer are available' : 'Not available';
  const path = `/v1/cart/lines/${encodeURIComponent(id)}`;
  const title = name ?? id;
  return h(
    'li',
    { className: available ? 'line' : 'line off' },
    picture(image, title),
    h('a', { href: `#/p/${encodeURIComponent(id)}`, className: 'name' }, title),
    h('span', { className: 'each' }, `${money(price)} each · `, deliveryText(delivery)),
    h(
      'label',
      {},
      h('span', { className: 'hidden' }, `Quantity of ${title}`),
      h('input', {
        'data-key': `quantity:${id}`,
        type: 'number',
        min: '1',
        max: '100',
        required: true,
        value: String(quantity),
        onchange: ({ target }) => {
          if (target.reportValidity()) void change('PUT', path, { quantity: Number(target.value) });
        },
      }),
    ),
    h(
      'strong',
      { className: available ? 'amount' : 'amount no' },
      available ? money(amount) : notNow,
    ),
    h(
      'button',
      {
        type: 'button',
        'data-key': `remove:${id}`,
        'aria-label': `Remove ${title}`,
        onclick: () => void change('DELETE', path),
      },
      'Remove',
    ),
    available && hasOthers
      ? h(
          'a',
          {
            className: 'order-it',
            'data-key': `order:${id}`,
            href: `#/checkout/${encodeURIComponent(id)}`,
            'aria-label': `Only this: ${title}`,
          },
          'Only this',
        )
      : null,
    isApart ? h('p', { className: 'changed' }, 'It is ordered apart from the others.') : null,
    changed.length === 0
      ? null
      : h('p', { className: 'changed' }, changed.map((what) => changes[what]).join(' ')),
  );
}
