/** What narrows a search down: each with its count, each a button that is pressed or not. */
import { h, money } from './dom.js';
import { placeQuery } from './place.js';

const shownMax = 12;
const attributesMax = 8;
const arrow = ' > ';

/** What the shopper folded or unfolded, by name: each answer makes the facets anew. */
const folded = new Map();

/** Opens and closes as the shopper last left it; `open` until then. */
function fold(name, open, properties, ...children) {
  const ontoggle = ({ target }) => folded.set(name, target.open);
  return h('details', { ...properties, open: folded.get(name) ?? open, ontoggle }, ...children);
}

/** `asked` is the address's query; `narrow` goes to another one. */
export function facets({ facets: found, hits }, asked, narrow) {
  const hasPlace = placeQuery().country !== undefined;
  const deliverable = { text: 'Delivers to me', count: found.deliverable, disabled: !hasPlace };
  return fold(
    'facets',
    window.matchMedia('(min-width: 50rem)').matches,
    { className: 'facets' },
    h('summary', {}, 'Narrow down'),
    check('on_sale', { text: 'On sale', count: found.on_sale }, asked, narrow),
    check('deliverable', deliverable, asked, narrow),
    prices(found.price ?? [], hits[0]?.price.currency, asked, narrow),
    facet('category', 'Category', treeOf(found.category ?? []), asked, narrow),
    facet('brand', 'Brand', found.brand ?? [], asked, narrow),
    attributes(found.attributes ?? [], asked, narrow),
  );
}

const counted = (count) =>
  h('span', { className: 'dim' }, typeof count === 'number' ? count.toLocaleString() : '');

function check(name, { text, count, disabled = false }, asked, narrow) {
  return h(
    'label',
    { className: 'check' },
    h('input', {
      type: 'checkbox',
      'data-key': name,
      disabled,
      checked: !disabled && asked.get(name) === 'true',
      onchange: (event) => narrow({ [name]: event.target.checked ? 'true' : null }),
    }),
    h('span', {}, text, disabled ? h('small', {}, ' (choose a place)') : null),
    disabled ? null : counted(count),
  );
}

/** Nothing costs less than nothing. */
const cents = (value) => String(Math.max(0, Math.round(Number(value) * 100)));

/** Whoever fills in the larger price first means it as the other end. */
function inOrder(asked, change) {
  const both = { min_price: asked.get('min_price'), max_price: asked.get('max_price'), ...change };
  const { min_price: min, max_price: max } = both;
  const isTurned = min !== null && max !== null && Number(min) > Number(max);
  return isTurned ? { min_price: max, max_price: min } : both;
}

function prices(bars, currency, asked, narrow) {
  const field = (name, text) =>
    h(
      'label',
      {},
      text,
      h('input', {
        type: 'number',
        'data-key': name,
        min: '0',
        step: 'any',
        inputMode: 'decimal',
        value: asked.has(name) ? String(Number(asked.get(name)) / 100) : '',
        onchange: ({ target: { value } }) =>
          narrow(inOrder(asked, { [name]: value === '' ? null : cents(value) })),
      }),
    );
  return h(
    'fieldset',
    { className: 'range' },
    h('legend', {}, 'Price'),
    h('div', { className: 'fields' }, field('min_price', 'from'), field('max_price', 'to')),
    asked.has('min_price') || asked.has('max_price') ? anyPrice(narrow) : null,
    currency === undefined ? null : h('ul', {}, bars.map(priceBar(bars, currency, asked, narrow))),
  );
}

/** With a price chosen there are only bars within it: this brings back the others. */
const anyPrice = (narrow) =>
  h(
    'button',
    {
      type: 'button',
      className: 'any',
      'data-key': 'any_price',
      onclick: () => narrow({ min_price: null, max_price: null }),
    },
    '× any price',
  );

/** A bar as long as its share of the longest. */
function priceBar(bars, currency, asked, narrow) {
  const most = Math.max(...bars.map(({ count }) => count));
  const text = (amount) => money({ amount, currency });
  return ({ min, max, count }) => {
    const wanted = { min_price: String(min), max_price: max === null ? null : String(max) };
    const isChosen = Object.entries(wanted).every(([name, value]) => asked.get(name) === value);
    const none = { min_price: null, max_price: null };
    const label = max === null ? `${text(min)} and more` : `${text(min)} – ${text(max)}`;
    return h(
      'li',
      {},
      choice(`price:${min}`, isChosen, () => narrow(isChosen ? none : wanted), label, count, {
        className: 'pricebar',
        style: `--share: ${Math.round((100 * count) / most)}%`,
      }),
    );
  };
}

function choice(key, isChosen, onclick, label, count, more = {}) {
  const states = { 'data-key': key, 'aria-pressed': String(isChosen) };
  return h(
    'button',
    { type: 'button', ...states, onclick, ...more },
    h('span', {}, label),
    counted(count),
  );
}

/** Categories below those that they are in; of neighbours the one with most hits first. */
function treeOf(values) {
  const shown = values.slice(0, shownMax);
  const isTop = ({ value }) => !shown.some((other) => value.startsWith(other.value + arrow));
  const below = (parent) =>
    shown.filter(({ value }) => {
      if (!value.startsWith(parent + arrow)) return false;
      const between = ({ value: other }) =>
        other.startsWith(parent + arrow) && value.startsWith(other + arrow);
      return !shown.some(between);
    });
  const branch = (depth, parent) => (one) => [
    { ...one, depth, label: one.value.slice(parent === '' ? 0 : (parent + arrow).length) },
    ...below(one.value).flatMap(branch(depth + 1, one.value)),
  ];
  return shown.filter(isTop).flatMap(branch(0, ''));
}

function facet(name, title, values, asked, narrow) {
  const chosen = asked.get(name);
  if (values.length === 0 && chosen === null) return null;
  const item = ({ value, count, depth = 0, label = value }) => {
    const isChosen = chosen === value;
    return h(
      'li',
      { className: `depth${Math.min(depth, 2)}`, title: value },
      choice(
        `${name}:${value}`,
        isChosen,
        () => narrow({ [name]: isChosen ? null : value }),
        label,
        count,
      ),
    );
  };
  const known = values.some(({ value }) => value === chosen);
  const listed = chosen !== null && !known ? [{ value: chosen }, ...values] : values;
  return h('section', {}, h('h2', {}, title), h('ul', {}, listed.slice(0, shownMax).map(item)));
}

/**
 * Several may be chosen, and all of them have to hold. One with a chosen value is open, the others
 * are folded until they are asked for: a shop has many of them.
 */
function attributes(found, asked, narrow) {
  const chosen = asked.getAll('attribute');
  const isOf = (name) => (attribute) => attribute.startsWith(`${name}=`);
  const shown = found.filter(({ name }, i) => i < attributesMax || chosen.some(isOf(name)));
  const item =
    (name) =>
    ({ value, count }) => {
      const attribute = `${name}=${value}`;
      const isChosen = chosen.includes(attribute);
      const next = isChosen ? chosen.filter((one) => one !== attribute) : [...chosen, attribute];
      const toggle = () => narrow({ attribute: next });
      return h('li', {}, choice(`attribute:${attribute}`, isChosen, toggle, value, count));
    };
  return shown.map(({ name, values }) =>
    fold(
      `attribute:${name}`,
      chosen.some(isOf(name)),
      { className: 'attribute' },
      h('summary', {}, name.replaceAll('_', ' ')),
      h('ul', {}, values.slice(0, shownMax).map(item(name))),
    ),
  );
}
