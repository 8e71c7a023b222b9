/** Elements from plain values: text is always text, so nothing that a vendor wrote becomes markup. */

/**
 * An element. Properties are set as such, `aria-…` and `data-…` as attributes, `on…` as listeners;
 * null children are left out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name.includes('-')) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

const keyed = (key) =>
  key &&
  [...byId('main').querySelectorAll('[data-key]')].find(({ dataset }) => dataset.key === key);

/**
 * Shows a view in place of the one before, under the name of its heading. What was pressed is made anew:
 * whoever uses the keyboard goes on from there, or from the top of the view where it is gone.
 */
export function show(...children) {
  const main = byId('main');
  const before = main.contains(document.activeElement) ? document.activeElement : null;
  main.replaceChildren(...children.flat().filter((child) => child !== null));
  if (before !== null) (keyed(before.dataset.key) ?? main).focus({ preventScroll: true });
  titled(main.querySelector('h1')?.textContent);
}

/** Names the page, as tabs and the browser's history do; without a name it is the shop. */
export function titled(name) {
  document.title = name ? `${name} · Highnoon` : 'Highnoon';
}

let views = 0;

/** Begins another view; the answer says, whenever it is asked, whether none was begun since. */
export function newView() {
  views += 1;
  const mine = views;
  return () => mine === views;
}

/** Said by screen readers, seen by nobody. */
export function say(text) {
  byId('said').textContent = text;
}

const formats = new Map();

/** Minor units as people of this browser write them. */
export function money({ amount, currency }) {
  let format = formats.get(currency);
  if (format === undefined) {
    format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
    formats.set(currency, format);
  }
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** A price that was, struck through for the eye and named for the ear. */
export const priceBefore = (price) =>
  h('s', {}, h('span', { className: 'hidden' }, 'before '), money(price));

/** Of a sale whose bell is to come: nothing of it is claimed yet. */
export const announced = (units) => `${units} ${units === 1 ? 'unit' : 'units'} announced`;

/** How a sale lets shoppers in, by its mode. */
export const admissionTexts = {
  open: 'open to all at once',
  queue: 'with a line',
  draw: 'drawn by lot',
};

const bands = {
  in_stock: 'In stock',
  low: 'Few left',
  sold_out: 'Sold out',
  coming: 'Coming soon',
};

export const band = (availability) =>
  h('span', { className: `band ${availability}` }, bands[availability] ?? availability);

const unknowns = {
  place_needed: 'Say where you are to see delivery',
  postal_code_needed: 'Your postal code says whether it is delivered',
  unknown_postal_code: 'We do not know that postal code',
};

function daysText([first, last]) {
  if (last === 0) return 'the same day';
  if (first === last) return last === 1 ? 'in 1 day' : `in ${last} days`;
  return `in ${first}–${last} days`;
}

/** Whether and when it comes here, as the rules of its vendor say. */
export function deliveryText(delivery) {
  if (delivery === undefined || delivery === null) return null;
  const { deliverable, reason, eta_days: days, fee } = delivery;
  if (deliverable === false) return h('span', { className: 'no' }, 'Not delivered to you');
  if (deliverable !== true) {
    return h(
      'span',
      { className: 'dim' },
      unknowns[reason] ?? 'Whether it is delivered is not known',
    );
  }
  const parts = ['Delivers to you'];
  if (days) parts.push(daysText(days));
  if (fee) parts.push(fee.amount === 0 ? '· free' : `· fee ${money(fee)}, not paid here`);
  return h('span', { className: 'yes' }, parts.join(' '));
}

/** Beside what is to be paid: no price, total or amount has a fee for delivery in it. */
export const withoutFee = () =>
  h(
    'p',
    { className: 'dim' },
    'A fee for delivery, where the vendor asks for one, is not part of what you pay here.',
  );

/** A picture, or the first letter of the name in its place. */
export function picture(url, name) {
  const letter = h('span', { className: 'picture', 'aria-hidden': 'true' }, [...(name ?? '?')][0]);
  if (!url) return letter;
  const image = h('img', { className: 'picture', src: url, alt: '', loading: 'lazy' });
  image.addEventListener('error', () => image.replaceWith(letter));
  return image;
}

/** What went wrong, with another try, or what else `way` says. */
export function failure(error, again, way = 'Try again') {
  const text = error.problem?.detail ?? 'The shop cannot be reached.';
  return h(
    'div',
    { className: 'note bad', role: 'alert' },
    h('p', {}, text),
    h('button', { type: 'button', onclick: again }, way),
  );
}

/** Where there is nothing to show, with a way on. */
export const nothingNote = (title, text) =>
  h(
    'div',
    { className: 'note' },
    h('h1', {}, title),
    text === undefined ? null : h('p', {}, text),
    h('p', {}, h('a', { href: '#/' }, 'Look around')),
  );

export const staleNote = () =>
  h('p', { className: 'note' }, 'This may be a little old: the shop is catching up.');
