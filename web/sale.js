/**
 * The live page of a sale: `/sale.html?id=sal_…`, of several products `&product=prd_…`. Countdown on the server's clock, a place in line, the
 * turn, the hold, the payment and how it ended. What has to outlive a reload is kept by the browser: who
 * the shopper is, and the ids of commands, so that each is done once.
 */
import { saveAddress, savedAddress } from './address.js';
import { get, newKey, session } from './api.js';
import { byId, money, say } from './dom.js';
import { place } from './place.js';
import { itemOf, pageOf } from './sale-view.js';
import { LiveSocket } from './socket.js';
import { ticketReads } from './ticket-reads.js';

const query = new URLSearchParams(location.search);
const id = query.get('id') ?? '';
const kept = `highnoon.sale.${id}`;
const frameMs = 250;
const askAgainMs = 2000;

/** All that the page shows is made from this. */
const state = {
  sale: null,
  /** There is no such sale. */
  missing: false,
  /** Of the sale's products, the one that this page is of. */
  wanted: query.get('product'),
  product: null,
  tick: null,
  /** Null = the shopper has none, undefined = that is not known. */
  ticket: undefined,
  order: null,
  /** What the payment's form is filled in with; null = that is not known yet. */
  address: null,
  problem: null,
  busy: false,
  connection: 'connecting',
  ahead: 0,
  ...JSON.parse(localStorage.getItem(kept) ?? '{}'),
};

const now = () => Date.now() + state.ahead;

function keep(changes) {
  Object.assign(state, changes);
  const { joinId, holdId, payId, orderId } = state;
  localStorage.setItem(kept, JSON.stringify({ joinId, holdId, payId, orderId }));
}

const token = async (fresh) => (await session(fresh)).token;

const holdEnds = new Set(['released', 'expired', 'cancelled', 'payment_failed']);

function take(message) {
  if (message.server_time !== undefined && message.type !== 'outcome') {
    state.ahead = Date.parse(message.server_time) - Date.now();
  }
  // A socket tells of all that its shopper has: what is of another sale is not shown here.
  const of = message.sale ?? message.sale_id ?? id;
  if (of !== id) return;
  switch (message.type) {
    case 'snapshot':
      state.sale = message;
      state.tick = message.tick;
      if (message.ticket !== undefined) state.ticket = message.ticket;
      // Nobody can say now, and that there is none is not told by itself.
      else askAgain();
      for (const order of message.orders) takeOrder(order);
      void findProduct(itemOf(state)?.product_id);
      break;
    case 'sale':
      state.sale = { ...state.sale, ...message };
      break;
    case 'tick':
      state.tick = message;
      break;
    case 'ticket':
      takeTicket(message);
      break;
    case 'order':
      takeOrder(message);
      break;
    case 'outcome':
      if (message.id === null) takeRefusal(message.problem);
      break;
  }
  render();
}

/** Of the one thing that is asked without an id: to watch this sale. */
function takeRefusal(problem) {
  if (problem?.status === 404) isMissing();
  else askAgain();
}

let askingAgain = null;

/** For a snapshot; each page after a wait of its own. */
function askAgain() {
  clearTimeout(askingAgain);
  askingAgain = setTimeout(() => socket.subscribe(id), askAgainMs * (1 + Math.random()));
}

function isMissing() {
  state.missing = true;
  socket?.end();
}

function takeTicket(ticket) {
  const before = state.ticket?.state;
  state.ticket = ticket;
  if (ticket.state === 'admitted' && before !== 'admitted') say('It is your turn.');
}

function takeOrder(order) {
  if (order.sale_id !== id) return;
  if (state.orderId !== undefined && order.id !== state.orderId) return;
  keep({ orderId: order.id });
  if (order.state === 'paid' && state.order?.state === 'held') say('It is yours.');
  state.order = order;
  // What was let go makes room for a new intention.
  if (holdEnds.has(order.state)) keep({ holdId: undefined, payId: undefined, orderId: undefined });
}

async function findAddress() {
  state.address = (await savedAddress().catch(() => null)) ?? place();
  render();
}

async function findProduct(product) {
  if (product === undefined || state.product !== null) return;
  state.product = await get(`/v1/products/${product}`).catch(() => null);
  document.title = `${state.product?.name ?? 'Sale'} · Highnoon`;
  render();
}

async function run(message, done) {
  keep({ busy: true, problem: null });
  render();
  const outcome = await socket.ask(message);
  keep({ busy: false });
  if (outcome.ok) done(outcome.result);
  else state.problem = outcome.problem;
  render();
  return outcome.ok;
}

const actions = {
  join: async () => {
    keep({ joinId: state.joinId ?? newKey() });
    const isIn = await run({ type: 'join', id: state.joinId, sale: id }, takeTicket);
    // A ticket that is over is not joined again under the same id.
    if (isIn || state.problem !== null) keep({ joinId: undefined });
  },
  leave: () => run({ type: 'leave', id: newKey(), sale: id }, takeTicket),
  hold: async (quantity) => {
    keep({ holdId: state.holdId ?? newKey() });
    const product = state.sale.items.length > 1 ? { product_id: itemOf(state).product_id } : {};
    const message = { type: 'hold', id: state.holdId, sale: id, quantity, ...product };
    const isHeld = await run(message, (hold) => {
      keep({ orderId: hold.id });
      state.order = { ...hold, sale_id: id };
      say('It is set aside for you.');
    });
    if (!isHeld) keep({ holdId: undefined });
  },
  pay: async (details) => {
    keep({ payId: state.payId ?? newKey() });
    const message = { type: 'pay', id: state.payId, order: state.order.id, ...details };
    const isPaid = await run({ ...message, method: { type: 'test' } }, (order) => {
      takeOrder(order);
      saveAddress(details);
    });
    if (!isPaid) keep({ payId: undefined });
  },
  cancel: () => run({ type: 'cancel', id: newKey(), order: state.order.id }, takeOrder),
};

const connections = {
  live: 'connected',
  away: 'connection lost, reconnecting …',
  connecting: 'connecting …',
};

function render() {
  byId('connection').textContent = state.missing ? '' : connections[state.connection];
  pageOf(byId('main'), state, now(), actions, money);
}

let socket = null;
if (/^sal_[0-9a-z]+$/.test(id)) {
  socket = new LiveSocket({
    name: id,
    token,
    onMessage: take,
    onState: (connection) => {
      state.connection = connection;
      render();
    },
  });
  socket.subscribe(id);
  void findAddress();
  // A hold of before the reload: the lane says what became of it.
  if (state.orderId !== undefined) {
    get(`/v1/orders/${state.orderId}`, undefined, await token(false))
      .then((order) => {
        if (order.sale_id === id) takeOrder(order);
        // Kept by mistake under this sale.
        else keep({ holdId: undefined, payId: undefined, orderId: undefined });
      })
      .then(render)
      .catch(() => undefined);
  }
  const readTicket = ticketReads(id, state, (ticket) => {
    takeTicket(ticket);
    render();
  });
  setInterval(() => {
    render();
    void readTicket();
  }, frameMs);
} else {
  isMissing();
  render();
}
