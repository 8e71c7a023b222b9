/**
 * Who and where to: the form of the checkout and of a sale's page, filled in with what was said before,
 * to the address of an order before, else to the chosen place: never a mixture.
 */
import { asShopper } from './api.js';
import { h } from './dom.js';
import { countries, place } from './place.js';

/** What the form is made of: name, label, autocomplete, whether it is needed. */
const fields = [
  ['email', 'E-mail', 'email', true],
  ['name', 'Name', 'name', true],
  ['line1', 'Street and number', 'address-line1', true],
  ['line2', 'More of the address', 'address-line2', false],
  ['postal_code', 'Postal code', 'postal-code', false],
  ['city', 'City', 'address-level2', true],
  ['region', 'State or region', 'address-level1', false],
];

/** The address of an order before; null = there is none. */
export async function savedAddress() {
  const { items } = await asShopper('GET', '/v1/me/addresses');
  return items[0]?.line1 === undefined ? null : items[0];
}

/** Next time the form is filled in; the order has its own copy. */
export function saveAddress({ email, address }) {
  asShopper('PUT', '/v1/me/addresses', { ...address, email }).catch(() => undefined);
}

/** The fields of a form; `known` = what they are filled in with. */
export const addressFields = (known = place()) => [
  ...fields.map(([field, label, complete, needed]) =>
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
];

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

/** What was filled in, as an order takes it. */
export function detailsOf(form) {
  const { email, ...rest } = Object.fromEntries(new FormData(form));
  const address = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== ''));
  return { email, address };
}

const labels = new Map([...fields, ['country', 'Country']]);

/** The field of the form that is named in a refusal; undefined = none is. */
export function refusedField({ param }) {
  const name = param?.replace('address.', '');
  return labels.has(name) ? name : undefined;
}

/** Why it was refused, in the words of the form. */
export function refusalText(problem) {
  const { code, param, detail } = problem;
  if (code === 'undeliverable' && param === 'address.postal_code') {
    return 'This is delivered to some postal codes only: fill in yours.';
  }
  const label = code === 'invalid_request' ? labels.get(refusedField(problem)) : undefined;
  return label === undefined ? detail : `“${label}” is not taken as it is: look at it again.`;
}
