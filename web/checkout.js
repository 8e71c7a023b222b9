/**
 * From a product to an order: who and where to, then a hold that the clock runs on, then payment.
 * Asked again after a lost answer, with the same key, it is the same order.
 */
import { asGuest } from './api.js';
import { countCart } from './cart.js';
import { byId, deliveryText, failure, h, money, say, show } from './dom.js';
import { countries, place } from './place.js';

/** What a form is made of: name, label, autocomplete, whether it is needed. */
const fields = [
  ['email', 'E-mail', 'email', true],
  ['name', 'Name', 'name', true],
  ['line1', 'Street and number', 'address-line1', true],
  ['line2', 'More of the address', 'address-line2', false],
  ['postal_code', 'Postal code', 'postal-code', false],
  ['city', 'City', 'address-level2', true],
  ['region', 'State or region', 'address-level1', false],
];

/** Names an intention; without a secure address `randomUUID` is not there. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function showCheckout(product, quantity) {
  show(h('p', { className: 'dim' }, 'Loading…'));
  try {
    const cart = await asGuest('GET', '/v1/cart');
    const line = cart.lines.find(({ product_id: id }) => id === product);
    if (line === undefined) {
      location.hash = '#/cart';
      return;
    }
    const saved = await asGuest('GET', '/v1/me/addresses');
    show(view({ ...line, quantity }, saved.items[0] ?? {}));
  } catch (error) {
    show(failure(error, () => showCheckout(product, quantity)));
  }
}

function view(line, saved) {
  const { name, product_id: id, quantity, price, delivery } = line;
  const known = { ...place(), ...saved };
  const said = h('p', { className: 'no', role: 'alert' });
  const form = h(
    'form',
    { className: 'form', autocomplete: 'on' },
    fields.map(([field, label, complete, needed]) =>
      h(
        'label',
        {},
        needed ? label : `${label} (if any)`,
        h('input', {
          name: field,
          type: field === 'email' ? 'email' : 'text',
          value: known[field] ?? '',
          required: needed,
          autocomplete: complete,
          maxLength: field === 'postal_code' ? 20 : 100,
        }),
      ),
    ),
    h('label', {}, 'Country', countrySelect(known.country)),
    said,
    h('button', { className: 'main' }, 'Order and hold it for me'),
  );
  let key = newKey();
  form.addEventListener('input', () => (key = newKey()));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    said.textContent = '';
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      await order(form, { product_id: id, quantity }, key);
    } catch (error) {
      if (error.problem !== undefined && error.problem !== null) key = newKey();
      said.textContent = error.problem?.detail ?? 'The shop cannot be reached; try again.';
    } finally {
      button.disabled = false;
    }
  });
  return h(
    'section',
    { className: 'basket' },
    h('h1', {}, 'Check out'),
    h('p', {}, `${quantity} × ${name ?? id} · `, h('strong', {}, money(price)), ' each'),
    h('p', {}, deliveryText(delivery)),
    form,
  );
}

function countrySelect(chosen) {
  const select = h(
    'select',
    { name: 'country', required: true, autocomplete: 'country' },
    h('option', { value: '' }, 'Choose'),
    countries().map(({ code, name }) => h('option', { value: code }, name)),
  );
  select.value = chosen ?? '';
  return select;
}

async function order(form, line, key) {
  const { email, ...rest } = Object.fromEntries(new FormData(form));
  const address = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== ''));
  const made = await asGuest('POST', '/v1/checkout', { lines: [line], email, address }, key);
  // Next time the form is filled in; the order has its own copy.
  asGuest('PUT', '/v1/me/addresses', { ...address, email }).catch(() => undefined);
  asGuest('DELETE', `/v1/cart/lines/${encodeURIComponent(line.product_id)}`)
    .then(() => countCart())
    .catch(() => undefined);
  say('Ordered');
  byId('main').focus({ preventScroll: true });
  location.hash = `#/o/${made.id}`;
}
