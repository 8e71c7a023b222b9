/** What the live page shows, from what is known: parts are replaced only when they differ. */
import { addressFields, detailsOf, refusalText } from './address.js';
import { leftText, timeText } from './clock.js';
import { announced, h, picture, priceBefore, withoutFee } from './dom.js';
import { freeOf, lineFacts, noneFreeText } from './line-facts.js';

const stateTexts = {
  live: 'is on',
  paused: 'is paused for the moment',
  closing: 'has ended',
  closed: 'has ended',
  cancelled: 'was cancelled',
};

const isOver = ({ state }) => state === 'closing' || state === 'closed' || state === 'cancelled';
const hasLine = ({ admission }) => admission.mode !== 'open';

const facts = (...rows) =>
  h(
    'dl',
    {},
    ...rows
      .filter(([, value]) => value !== null && value !== undefined)
      .flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, String(value))]),
  );

const button = (text, onclick, { main = false, busy = false } = {}) =>
  h('button', { type: 'button', className: main ? 'main' : '', disabled: busy, onclick }, text);

/** What the clock counts to, and how much is left until then; null = to nothing. */
function clockOf(sale, now) {
  if (sale.state === 'scheduled') {
    const left = Date.parse(sale.starts_at) - now;
    return { left, text: left > 0 ? 'until the sale opens' : 'opening …' };
  }
  if (sale.ends_at === null || isOver(sale)) return null;
  return { left: Date.parse(sale.ends_at) - now, text: 'until it ends' };
}

/** Of the sale's items the one that is bought here. */
export const itemOf = ({ sale, wanted }) =>
  sale.items.find(({ product_id: product }) => product === wanted) ?? sale.items[0];

/** What is sold, with the way to all that the shop says of it. */
function product(state, money) {
  const { sale, product: known } = state;
  const item = itemOf(state);
  const name = known?.name ?? 'Sale';
  return h(
    'div',
    { className: 'about' },
    known === null ? null : picture(known.images[0], name),
    h(
      'div',
      {},
      h('h1', {}, known === null ? name : h('a', { href: `/#/p/${known.id}` }, name)),
      item === undefined
        ? null
        : h(
            'p',
            { className: 'prices big' },
            money(item.price),
            item.discount_percent > 0 ? priceBefore(item.list_price) : null,
          ),
      known === null ? null : h('p', { className: 'dim short' }, known.description),
      sale.items.length > 1
        ? h('p', { className: 'dim' }, `One of ${sale.items.length} products in this sale.`)
        : null,
    ),
  );
}

/** The clock's text changes four times a second; the rest seldom. */
function head(state, clock, money) {
  const { sale } = state;
  const isSoldOut = sale.state === 'live' && sale.sold_out;
  return [
    product(state, money),
    sale.state === 'scheduled'
      ? null
      : h(
          'p',
          { className: 'dim' },
          `the sale ${isSoldOut ? 'is sold out' : stateTexts[sale.state]}`,
        ),
    clock === null ? null : h('p', { className: 'clock' }),
    clock === null ? null : h('p', { className: 'dim until' }),
    // Before the bell nothing is claimed, and the units of a schedule are not set aside yet.
    sale.state === 'scheduled' ? h('p', {}, announced(offeredBy(sale))) : null,
  ];
}

/** Below what is to be done: a turn has little time. */
const termsOf = ({ state, starts_at: at, limit_per_shopper: limit }) =>
  state === 'cancelled'
    ? null
    : facts(
        [state === 'scheduled' ? 'starts' : 'started', timeText(at)],
        ['limit', `${limit} per shopper`],
      );

/** A share of this many or fewer units that is 0 is none of them: shares are of a hundredth. */
const exactMax = 100;

const offeredBy = ({ items }) => items.reduce((sum, { allotted }) => sum + allotted, 0);

/** What is claimed, by the newer of tick and sale; null = nobody can say, or it was not on yet. */
function claimedOf({ tick, sale }) {
  if (sale === null || sale.state === 'scheduled' || sale.state === 'cancelled') return null;
  const isTick = (tick?.version ?? -1) >= sale.version;
  const share = (isTick ? tick.claimed : null) ?? sale.claimed_share;
  if (share === null || share === undefined) return null;
  const percent = `${Math.floor(share * 100)} % claimed`;
  if (!isOver(sale)) {
    const left = freeOf({ sale, tick });
    return { share, text: left === null ? percent : `${percent}, ${left} left` };
  }
  if (share > 0 || sale.state === 'closing') return { share, text: percent };
  return {
    share,
    text: offeredBy(sale) <= exactMax ? 'Nothing was sold.' : 'Less than 1 % was sold.',
  };
}

const meter = () =>
  h(
    'div',
    {},
    h('meter', { min: 0, max: 1, 'aria-label': 'claimed' }),
    h('p', { className: 'dim claimed' }),
  );

function noneFree(state) {
  const text = noneFreeText(state);
  return text === null ? null : h('p', {}, text);
}

function waitingCard(state, actions) {
  const { ticket, busy } = state;
  const line = [facts(...lineFacts(state)), noneFree(state)];
  const buttons = h(
    'div',
    { className: 'buttons' },
    button('Leave the line', actions.leave, { busy }),
  );
  if (ticket.number === null) {
    return card(
      'You are in line',
      h(
        'p',
        {},
        'Places are drawn at the bell: everybody who is here by then has the same chance.',
      ),
      line,
      buttons,
    );
  }
  return card('Your number', h('p', { className: 'ticket' }, `${ticket.number}`), line, buttons);
}

function card(title, ...children) {
  return h('section', { className: 'place' }, h('h2', {}, title), ...children);
}

function mine(title, ...children) {
  return h('section', { className: 'place mine' }, h('h2', {}, title), ...children);
}

const problemNote = (problem) =>
  problem === null ? null : h('p', { className: 'note bad', role: 'alert' }, refusalText(problem));

const numberFacts = (ticket) => facts(['your number', ticket.number]);

const overTexts = {
  finished: 'Your turn is over.',
  lapsed: 'Your turn passed without a hold.',
  left: 'You left the line.',
};

/** What became of the shopper's place once the sale is over; a hold says more, where there was one. */
function outcomeCard({ ticket, order }) {
  if (!ticket || order !== null) return null;
  // Whoever waits, or has a turn, when the sale ends has lapsed with it.
  const isUnserved = ticket.had_turn === false;
  return card(
    isUnserved ? 'You did not get a turn.' : (overTexts[ticket.state] ?? overTexts.lapsed),
    numberFacts(ticket),
    ticket.state === 'finished'
      ? h('p', {}, h('a', { href: '/#/orders' }, 'See your orders'))
      : null,
  );
}

function ticketCard(state, actions) {
  const { sale, ticket, busy } = state;
  if (isOver(sale)) return outcomeCard(state);
  if (ticket?.state === 'waiting') return waitingCard(state, actions);
  if (ticket?.state === 'admitted') {
    return mine(
      'It is your turn',
      numberFacts(ticket),
      h('p', {}, 'Hold yours within ', h('strong', { className: 'turn' }), '.'),
      holding(sale, actions, busy),
    );
  }
  if (ticket === undefined) {
    return card('One moment …', h('p', {}, 'Whether you are in line is not known yet.'));
  }
  const closed = sale.admission.mode === 'draw' && sale.state !== 'scheduled';
  return card(
    ticket === null ? (closed ? 'The line is closed' : 'Join the line') : overTexts[ticket.state],
    h(
      'p',
      {},
      closed
        ? 'Tickets were taken until the bell.'
        : sale.state === 'scheduled'
          ? 'Whoever is in line at the bell is drawn: no need to be first.'
          : 'New tickets are at the end of the line.',
    ),
    closed ? null : noneFree(state),
    closed
      ? null
      : h(
          'div',
          { className: 'buttons' },
          button('Join the line', actions.join, { main: true, busy }),
        ),
  );
}

function openCard(state, actions) {
  const { sale, busy } = state;
  if (isOver(sale)) return null;
  return card('Buy', noneFree(state), holding(sale, actions, busy || sale.state !== 'live'));
}

/** How many are taken, where a shopper may have several, and the button that holds them. */
function holding({ limit_per_shopper: most }, actions, busy) {
  const bounds = { min: 1, max: most, required: true };
  const count = h('input', { type: 'number', name: 'quantity', value: 1, ...bounds });
  const onsubmit = (event) => {
    event.preventDefault();
    actions.hold(count.valueAsNumber);
  };
  return h(
    'form',
    { onsubmit },
    most > 1 ? h('label', {}, 'How many ', count) : null,
    h(
      'div',
      { className: 'buttons' },
      h(
        'button',
        { type: 'submit', className: 'main', disabled: busy },
        most > 1 ? 'Hold them' : 'Hold one',
      ),
    ),
  );
}

function payForm({ address, busy, problem }, actions) {
  const onsubmit = (event) => {
    event.preventDefault();
    actions.pay(detailsOf(event.target));
  };
  return h(
    'form',
    { onsubmit },
    addressFields(address),
    withoutFee(),
    problemNote(problem),
    h(
      'div',
      { className: 'buttons' },
      h('button', { type: 'submit', className: 'main', disabled: busy }, 'Pay (test)'),
      button('Release it', actions.cancel, { busy }),
    ),
  );
}

const endTexts = {
  released: 'You let go of what was held for you.',
  expired: 'Your hold has ended; what it held went back on sale.',
};

function orderCard(state, actions, money) {
  const { order } = state;
  const units = order.units?.join(', ');
  if (order.state === 'held') {
    return mine(
      'It is set aside for you',
      facts(
        ['your number', state.ticket?.number],
        ['unit no.', units],
        ['to pay', money(order.amount)],
      ),
      h('p', {}, 'Pay within ', h('strong', { className: 'hold' }), '.'),
      state.address === null
        ? h('p', { className: 'dim' }, 'One moment …')
        : payForm(state, actions),
    );
  }
  if (order.state === 'paid') {
    return mine(
      'It is yours',
      facts(['unit no.', units], ['paid', money(order.amount)]),
      h('p', {}, h('a', { href: `/#/o/${encodeURIComponent(order.id)}` }, 'See your order')),
      h('p', { className: 'dim' }, order.id),
    );
  }
  return card(endTexts[order.state] ?? `Your order is ${order.state}.`);
}

/** Another text = other parts: inputs that are being typed in stay as they are. */
function keyOf({ sale, product, tick, ticket, order, address, problem, busy }) {
  return JSON.stringify([
    [sale?.state, sale?.sold_out, sale?.starts_at, sale?.ends_at, sale?.limit_per_shopper],
    [sale?.items, product?.id, busy, problem?.code, problem?.detail],
    [ticket === undefined, ticket?.id, ticket?.state, ticket?.number],
    [order?.id, order?.state, address === null],
    ticket?.state === 'waiting' ? lineFacts({ sale, ticket, tick }) : null,
    sale === null ? null : noneFreeText({ sale, ticket, tick }),
    claimedOf({ sale, tick }) === null,
  ]);
}

const missingParts = () => [
  h('h1', {}, 'There is no such sale.'),
  h('p', {}, h('a', { href: '/' }, 'To the shop')),
];

/** The button that the keyboard was on when the parts were made anew: it may only be busy, and come back. */
let pressed = null;

/**
 * What is being typed outlives other parts: puts it back into the fields of the same names. So does
 * the place of the keyboard on a button; where that is gone it is at the top of the parts.
 */
function typedIn(main) {
  const values = [...main.querySelectorAll('input, select')].map(({ name, value }) => [
    name,
    value,
  ]);
  const { name: focused, tagName, textContent: text } = document.activeElement ?? {};
  if (tagName === 'BUTTON') pressed = text;
  else if (document.activeElement !== main) pressed = null;
  return (anew) => {
    if (pressed !== null) {
      const buttons = [...anew.querySelectorAll('button')];
      const again = buttons.find((one) => one.textContent === pressed && !one.disabled);
      (again ?? anew).focus({ preventScroll: true });
    }
    for (const [name, value] of values) {
      const found = anew.querySelector(`[name=${name}]`);
      if (found === null) continue;
      found.value = value;
      if (name === focused) found.focus();
    }
  };
}

let shown = '';

export function pageOf(main, state, now, actions, money) {
  if (state.missing) {
    if (shown !== 'missing') main.replaceChildren(...missingParts());
    shown = 'missing';
    return;
  }
  const { sale, order, ticket, problem } = state;
  const claimed = claimedOf(state);
  const clock = sale === null ? null : clockOf(sale, now);
  const key = keyOf(state);
  if (key !== shown) {
    shown = key;
    const isMine = order !== null && (order.state === 'held' || order.state === 'paid');
    const place =
      sale === null || isMine ? null : (hasLine(sale) ? ticketCard : openCard)(state, actions);
    const parts = [
      ...(sale === null
        ? [h('p', { className: 'dim' }, problem === null ? 'One moment …' : '')]
        : head(state, clock, money)),
      claimed === null ? null : meter(),
      order === null ? null : orderCard(state, actions, money),
      place,
      order?.state === 'held' ? null : problemNote(problem),
      sale === null ? null : termsOf(sale),
    ];
    const typed = typedIn(main);
    main.replaceChildren(...parts.filter((part) => part !== null));
    typed(main);
  }
  const put = (selector, text) => {
    const found = main.querySelector(selector);
    if (found !== null && found.textContent !== text) found.textContent = text;
  };
  if (clock !== null) {
    put('.clock', leftText(clock.left));
    put('.until', clock.text);
  }
  if (claimed !== null) {
    put('.claimed', claimed.text);
    main.querySelector('meter').value = claimed.share;
  }
  if (ticket?.turn_ends_at) put('.turn', leftText(Date.parse(ticket.turn_ends_at) - now));
  if (order?.hold_expires_at) put('.hold', leftText(Date.parse(order.hold_expires_at) - now));
}
