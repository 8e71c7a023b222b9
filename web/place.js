/**
 * Where it shall be delivered: kept in this browser, and named with each question about delivery. What
 * the shop saves for the shopper is the address of an order, which no choice here touches.
 */
import { byId, h } from './dom.js';

const placeName = 'highnoon.place';
const codes =
  'AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW ' +
  'BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ' +
  'ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL ' +
  'IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY ' +
  'MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR ' +
  'NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK ' +
  'SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA ' +
  'VC VE VG VI VN VU WF WS YE YT ZA ZM ZW';

/** `{country, postal_code}`, '' = not said. */
export function place() {
  const kept = localStorage.getItem(placeName);
  return kept === null ? { country: '', postal_code: '' } : JSON.parse(kept);
}

/** Parameters of a search or a question about delivery. */
export function placeQuery() {
  const { country, postal_code } = place();
  if (country === '') return {};
  return postal_code === '' ? { country } : { country, postal_code };
}

/** What `path` says of delivery is for the place, if one is chosen. */
export function placed(path) {
  const query = new URLSearchParams(placeQuery());
  return query.size === 0 ? path : `${path}?${query}`;
}

const names = new Intl.DisplayNames(undefined, { type: 'region' });

export const countryName = (code) => names.of(code) ?? code;

/** All countries with their names, in the order of the names. */
export function countries() {
  return codes
    .split(' ')
    .map((code) => ({ code, name: countryName(code) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

export function openPlace(changed) {
  const options = countries().map(({ code, name }) => h('option', { value: code }, name));
  byId('country').append(h('option', { value: '' }, 'anywhere'), ...options);
  byId('country').value = place().country;
  byId('postal').value = place().postal_code;
  byId('postal').hidden = place().country === '';
  const keep = () => {
    const country = byId('country').value;
    const postal_code = byId('postal').value.trim();
    byId('postal').hidden = country === '';
    localStorage.setItem(placeName, JSON.stringify({ country, postal_code }));
    changed();
  };
  // A code is one of its own country's: before `keep`, which hears of it later.
  byId('country').addEventListener('change', () => (byId('postal').value = ''));
  byId('place').addEventListener('change', keep);
  byId('place').addEventListener('submit', (event) => {
    event.preventDefault();
    keep();
  });
}
