/**
 * From a product, or all of the cart, to an order: who and where to, then a hold that the clock runs on, then payment.
 * Asked again after a lost answer, with the same key, it is the same order.
 */
import {
  addressFields,
  detailsOf,
  refusalText,
  refusedField,
  saveAddress,
  savedAddress,
} from './address.js';
import { asShopper, newKey } from './api.js';
import { countCart } from './cart.js';
import { byId, deliveryText, failure, h, money, newView, say, show, withoutFee } from './dom.js';
import { placed } from './place.js';

/** Of a product in the cart; without one, of all that can be bought together. */
export async function showCheckout(product) {
  const isShown = newView();
  show(h('p', { className: 'dim' }, 'Loading…'));
  try {
    const saved = await savedAddress();
    const cart = await asShopper('GET', saved === null ? placed('/v1/cart') : '/v1/cart');
    if (!isShown()) return;
    const lines =
      product === ''
        ? cart.lines.filter(({ available, ordered_apart: isApart }) => available && !isApart)
        : cart.lines.filter((line) => line.product_id === product);
    if (lines.length === 0) {
      location.replace('#/cart');
      return;
    }
    show(view(lines, saved ?? undefined));
  } catch (error) {
    if (isShown()) show(failure(error, () => showCheckout(product)));
  }
}

/** `known` = what the form is filled in with. */
function view(lines, known) {
  const said = h('div', { className: 'no', role: 'alert' });
  const form = h(
    'form',
    { className: 'form', autocomplete: 'on' },
    addressFields(known),
    said,
    h('button', { className: 'main' }, 'Order and hold it for me'),
  );
  let key = newKey();
  form.addEventListener('input', () => (key = newKey()));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    said.replaceChildren();
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      await order(form, lines, key);
    } catch (error) {
      if (error.problem !== undefined && error.problem !== null) key = newKey();
      said.replaceChildren(
        ...whyNot(error.problem, lines),
        ...withoutThem(error.problem, lines, form),
      );
      form.elements[refusedField(error.problem ?? {})]?.focus();
    } finally {
      button.disabled = false;
    }
  });
  return h('section', { className: 'basket' }, h('h1', {}, 'Check out'), ordered(lines), form);
}

const ordered = (lines) => [
  h(
    'ul',
    {},
    lines.map(({ name, product_id: id, quantity, price, delivery }) =>
      h(
        'li',
        { className: 'order' },
        h(
          'span',
          {},
          ...[`${quantity} × `, h('bdi', {}, name ?? id), ' · '],
          ...[h('strong', {}, money(price)), ' each'],
        ),
        h('span', { className: 'dim' }, deliveryText(delivery)),
      ),
    ),
  ),
  h('p', { className: 'total' }, 'Total ', h('strong', {}, total(lines))),
  withoutFee(),
];

const total = (lines) =>
  money({
    amount: lines.reduce((sum, { price, quantity }) => sum + price.amount * quantity, 0),
    currency: lines[0].price.currency,
  });

const ways = {
  sold_out: 'not so many are free',
  limit_reached: 'that is more than one may have',
  undeliverable: 'it is not delivered there',
  unsupported: 'it has to be ordered apart',
  sale_ended: 'its sale is over',
  sale_paused: 'its sale is paused',
  sale_not_started: 'its sale has not begun',
  not_admitted: 'it is for those whose turn it is',
  forbidden: 'it is for verified shoppers',
  rate_limited: 'too many holds of it were let go: try again later',
  not_found: 'it is not sold any more',
};

/** What is in the way, and of which lines where there are several. */
function whyNot(problem, lines) {
  const detail = problem ? refusalText(problem) : 'The shop cannot be reached; try again.';
  const named = (problem?.errors ?? []).flatMap(({ product_id: id, code }) => {
    const line = lines.find((one) => one.product_id === id);
    return line === undefined ? [] : [h('li', {}, `${line.name ?? id}: ${ways[code] ?? code}`)];
  });
  const list = lines.length > 1 && named.length > 0 ? [h('ul', {}, named)] : [];
  return [h('p', {}, detail), ...list];
}

/** The way on where others of the lines are not in the way: those that are stay in the cart. */
function withoutThem(problem, lines, form) {
  const away = new Set((problem?.errors ?? []).map((error) => error.product_id));
  const others = lines.filter(({ product_id: id }) => !away.has(id));
  if (others.length === 0 || others.length === lines.length) return [];
  const onclick = () => {
    const { email, address } = detailsOf(form);
    show(view(others, { email, ...address }));
    say('Check out');
  };
  const count = lines.length - others.length;
  return [
    h(
      'button',
      { type: 'button', onclick },
      count === 1 ? 'Leave it in the cart' : 'Leave them in the cart',
    ),
  ];
}

async function order(form, lines, key) {
  const details = detailsOf(form);
  const wanted = lines.map(({ product_id, quantity }) => ({ product_id, quantity }));
  const made = await asShopper('POST', '/v1/checkout', { lines: wanted, ...details }, key);
  saveAddress(details);
  void emptyCart(lines);
  say('Ordered');
  byId('main').focus({ preventScroll: true });
  // What is ordered cannot be gone back to: the order stands in place of the form.
  location.replace(`#/o/${made.id}`);
}

/** Takes out what was ordered. */
async function emptyCart(lines) {
  try {
    for (const { product_id: id } of lines) {
      await asShopper('DELETE', `/v1/cart/lines/${encodeURIComponent(id)}`);
    }
    await countCart();
  } catch {
    // It stays in the cart, where it can be seen.
  }
}
