/** One's own orders: the list, and each with what can still be done with it. */
import { asShopper, isKnown, newKey } from './api.js';
import { failure, h, money, newView, say, show } from './dom.js';

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
    if (!isShown()) return;
    show(found.items.length === 0 ? empty() : list(found.items));
  } catch (error) {
    if (isShown()) show(failure(error, showOrders));
  }
}

const empty = () =>
  h(
    'div',
    { className: 'note' },
    h('h1', {}, 'No orders yet'),
    h('p', {}, h('a', { href: '#/' }, 'Look around')),
  );

const list = (orders) =>
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
          h('a', { href: `#/o/${order.id}` }, when(order.timeline?.[0]?.at)),
          h('span', {}, stateText(order.state)),
          h('strong', {}, money(order.amount)),
        ),
      ),
    ),
  );

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
    const names = await Promise.all(order.lines.map((line) => nameOf(line.product_id)));
    if (!isShown()) return;
    show(view(order, names));
  } catch (error) {
    if (!isShown()) return;
    if (error.problem?.status === 404) show(h('div', { className: 'note' }, 'No such order.'));
    else show(failure(error, () => showOrder(id)));
  }
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
      order.lines.map(({ units, price }, i) =>
        h(
          'li',
          { className: 'order' },
          h('span', {}, `${units.length} × ${names[i]}`),
          h('span', { className: 'dim' }, `unit no. ${units.join(', ')}`),
          h('strong', {}, money(price)),
        ),
      ),
    ),
    h('p', { className: 'total' }, 'Total ', h('strong', {}, money(order.amount))),
    order.state === 'held' ? paying(order) : null,
    h('h2', {}, 'What happened'),
    h(
      'ol',
      { className: 'timeline' },
      order.timeline.map(({ at, type }) => h('li', {}, `${when(at)} · ${stateText(type)}`)),
    ),
  );
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
        if (left.isConnected) void showOrder(id);
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
