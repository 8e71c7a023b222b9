/** One's own orders: the list, and each with what can still be done with it. */
import { asShopper, isKnown, newKey } from './api.js';
import { byId, failure, h, money, newView, nothingNote, say, show, withoutFee } from './dom.js';
import { countryName } from './place.js';

const states = {
  held: 'Held for you',
  payment_pending: 'Payment under way',
  action_required: 'Your bank asks for something',
  paid: 'Paid',
  packed: 'Packed',
  shipped: 'On its way',
  delivered: 'Delivered',
  released: 'Released',
  expired: 'Not paid in time',
  payment_failed: 'Payment failed',
  cancelled: 'Cancelled',
  refund_pending: 'Refund under way',
  refunded: 'Refunded',
};

const stateText = (state) => states[state] ?? state;

export async function showOrders() {
  if (!isKnown()) {
    show(empty());
    return;
  }
  const isShown = newView();
  show(h('p', { className: 'dim' }, 'Loading…'));
  try {
    const found = await asShopper('GET', '/v1/orders?limit=50');
    const names = await namesOf(found.items);
    if (!isShown()) return;
    show(found.items.length === 0 ? empty() : list(found.items, names));
  } catch (error) {
    if (isShown()) show(failure(error, showOrders));
  }
}

const empty = () => nothingNote('No orders yet');

const list = (orders, names) =>
  h(
    'section',
    { className: 'basket' },
    h('h1', {}, 'My orders'),
    h(
      'ul',
      {},
      orders.map((order) =>
        h(
          'li',
          { className: 'order' },
          h(
            'span',
            {},
            h('a', { href: `#/o/${order.id}` }, order.lines.flatMap(lineText(names))),
            h('span', { className: 'dim' }, ` · ${when(order.timeline?.[0]?.at)}`),
          ),
          h('span', {}, stateText(order.state)),
          h('strong', {}, money(order.amount)),
        ),
      ),
    ),
  );

const lineText =
  (names) =>
  ({ units, product_id: id }, i = 0) => [
    `${i === 0 ? '' : ', '}${units.length} × `,
    h('bdi', {}, names.get(id)),
  ];

const when = (at) =>
  at === undefined
    ? 'Order'
    : new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

let ticking = null;

export function endOrder() {
  clearInterval(ticking);
}

export async function showOrder(id) {
  const isShown = newView();
  endOrder();
  show(h('p', { className: 'dim' }, 'Loading…'));
  try {
    const order = await asShopper('GET', `/v1/orders/${encodeURIComponent(id)}`);
    const names = await namesOf([order]);
    if (!isShown()) return;
    show(view(order, names));
  } catch (error) {
    if (!isShown()) return;
    if (error.problem?.status === 404) show(nothingNote('No such order.'));
    else show(failure(error, () => showOrder(id)));
  }
}

/** Of all products in the orders, by their ids. */
async function namesOf(orders) {
  const ids = orders.flatMap(({ lines }) => lines.map((line) => line.product_id));
  const found = [...new Set(ids)].map(async (id) => [id, await nameOf(id)]);
  return new Map(await Promise.all(found));
}

/** A product may be gone by now; its order is not. */
const nameOf = (id) =>
  asShopper('GET', `/v1/products/${encodeURIComponent(id)}`).then(
    ({ name }) => name,
    () => id,
  );

function view(order, names) {
  return h(
    'section',
    { className: 'basket' },
    h('h1', {}, `Order: ${stateText(order.state)}`),
    h('p', { className: 'dim id' }, order.id),
    h(
      'ul',
      {},
      order.lines.map((line) =>
        h(
          'li',
          { className: 'order' },
          h('span', {}, lineText(names)(line)),
          h('span', { className: 'dim' }, `unit no. ${line.units.join(', ')}`),
          h('strong', {}, money(line.price)),
        ),
      ),
    ),
    h('p', { className: 'total' }, 'Total ', h('strong', {}, money(order.amount))),
    order.state === 'held' ? paying(order) : null,
    whereTo(order),
    h('h2', {}, 'What happened'),
    h(
      'ol',
      { className: 'timeline' },
      order.timeline.map(({ at, type }) => h('li', {}, `${when(at)} · ${stateText(type)}`)),
    ),
  );
}

/** Not before it was said, and not where only the sale's own lane can tell of the order. */
function whereTo({ email, address }) {
  if (!email && !address) return null;
  const { name, line1, line2, postal_code: postal, city, region, country } = address ?? {};
  const place = [postal, city].filter(Boolean).join(' ');
  const parts = [name, line1, line2, place, region, country && countryName(country)];
  return [
    h('h2', {}, 'Where to'),
    h(
      'dl',
      {},
      address ? [h('dt', {}, 'Address'), h('dd', {}, parts.filter(Boolean).join(', '))] : null,
      email ? [h('dt', {}, 'E-mail'), h('dd', {}, email)] : null,
    ),
  ];
}

function paying({ id, hold_expires_at: ends, server_time: now }) {
  const ahead = Date.parse(now) - Date.now();
  const left = h('span', {});
  const tick = () => {
    const seconds = Math.floor((Date.parse(ends) - Date.now() - ahead) / 1000);
    const shown = Math.max(0, seconds);
    left.textContent = `${Math.floor(shown / 60)}:${String(shown % 60).padStart(2, '0')}`;
    if (seconds < -1) void showOrder(id);
  };
  tick();
  ticking = setInterval(tick, 1000);
  const said = h('span', { className: 'no', role: 'alert' });
  // One key for each intention: asked again, it is the same payment.
  const keys = { pay: newKey(), release: newKey() };
  const act = (event, what, request) => {
    const { target } = event;
    target.disabled = true;
    said.textContent = '';
    request(keys[what]).then(
      () => {
        say(what === 'pay' ? 'Paid' : 'Released');
        if (!left.isConnected) return;
        byId('main').focus({ preventScroll: true });
        void showOrder(id);
      },
      (error) => {
        target.disabled = false;
        said.textContent = error.problem?.detail ?? 'The shop cannot be reached; try again.';
      },
    );
  };
  const path = `/v1/orders/${encodeURIComponent(id)}`;
  return h(
    'div',
    { className: 'flash' },
    h('p', {}, 'It is held for you for another ', h('strong', {}, left), '.'),
    withoutFee(),
    h(
      'p',
      { className: 'adding' },
      h(
        'button',
        {
          type: 'button',
          className: 'main',
          onclick: (event) =>
            act(event, 'pay', (key) =>
              asShopper('POST', `${path}/pay`, { method: { type: 'test' } }, key),
            ),
        },
        'Pay (test)',
      ),
      h(
        'button',
        {
          type: 'button',
          onclick: (event) =>
            act(event, 'release', (key) => asShopper('DELETE', path, undefined, key)),
        },
        'Release it',
      ),
      said,
    ),
  );
}
