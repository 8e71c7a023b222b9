// Delivery rules as a table: borders, leading zeros, the antimeridian, and what cannot be known.
import { describe, expect, it } from 'vitest';
import { distanceKm } from '../../../../catalog/delivery/great-circle.ts';
import { loadPlaces } from '../../../../catalog/delivery/places.ts';
import { deliveryTo } from '../../../../catalog/delivery/rules.ts';
import type { DeliveryRules, Place, Region } from '../../../../catalog/delivery/rules.ts';

const places = loadPlaces();
const to = (country: string, code: string | null = null): Place => places.locate(country, code);
const at = (country: string, lat: number, lon: number): Place => ({
  ...to(country),
  ...{ postalCode: '1', point: { lat, lon } },
});

const only = (...include: readonly Region[]): DeliveryRules => ({ include });
const us = (more: Omit<Region, 'country'> = {}): Region => ({ country: 'US', ...more });
const fee = { amount: 500, currency: 'USD' };
const ring = (lat: number, lon: number, km: number) => ({ radius: { lat, lon, km } });

/** true, or why not; `?` before it = it cannot be told. */
const cases: readonly (readonly [string, DeliveryRules | null, Place | null, string])[] = [
  ['no rules = everywhere', null, to('AU', '2000'), 'yes'],
  ['empty rules = everywhere', { include: [], exclude: [] }, to('AE'), 'yes'],
  ['no place', null, null, '? place_needed'],
  ['a country that is none', null, to('ZZ'), '? unknown_country'],
  ['a code that is none', null, to('US', '00000'), '? unknown_postal_code'],
  ['a code of another form', null, to('US', '1'), '? unknown_postal_code'],
  ['the country', only(us()), to('US', '10001'), 'yes'],
  ['the country, without a code', only(us()), to('US'), 'yes'],
  ['another country', only(us()), to('DE', '10115'), 'not_included'],
  [
    'another country, without a code',
    only(us({ postal_prefixes: ['1'] })),
    to('DE'),
    'not_included',
  ],
  ['a prefix', only(us({ postal_prefixes: ['100', '2'] })), to('US', '10001'), 'yes'],
  ['no such prefix', only(us({ postal_prefixes: ['101'] })), to('US', '10001'), 'not_included'],
  [
    'a prefix without a code',
    only(us({ postal_prefixes: ['1'] })),
    to('US'),
    '? postal_code_needed',
  ],
  ['a leading zero', only(us({ postal_prefixes: ['02'] })), to('US', '02108'), 'yes'],
  ['2 is not 02', only(us({ postal_prefixes: ['2'] })), to('US', '02108'), 'not_included'],
  [
    'letters in any case',
    only({ country: 'GB', postal_prefixes: ['sw1a 1'] }),
    to('GB', 'SW1A1AA'),
    'yes',
  ],
  ['first of a range', only(us({ postal_ranges: [['10001', '10999']] })), to('US', '10001'), 'yes'],
  ['last of a range', only(us({ postal_ranges: [['09999', '10001']] })), to('US', '10001'), 'yes'],
  [
    'one before a range',
    only(us({ postal_ranges: [['10002', '10999']] })),
    to('US', '10001'),
    'not_included',
  ],
  [
    'one after a range',
    only(us({ postal_ranges: [['09000', '10000']] })),
    to('US', '10001'),
    'not_included',
  ],
  [
    'ZIP+4 in a range of five',
    only(us({ postal_ranges: [['10001', '10001']] })),
    to('US', '10001-0001'),
    'yes',
  ],
  [
    'a range with leading zeros',
    only(us({ postal_ranges: [['01000', '02799']] })),
    to('US', '02108'),
    'yes',
  ],
  [
    'all fields have to hold',
    only(us({ postal_prefixes: ['1'], postal_ranges: [['20000', '29999']] })),
    to('US', '10001'),
    'not_included',
  ],
  [
    'any region suffices',
    only({ country: 'DE' }, us({ postal_prefixes: ['100'] })),
    to('US', '10001'),
    'yes',
  ],
  [
    'exclude wins',
    { include: [us()], exclude: [us({ postal_prefixes: ['100'] })] },
    to('US', '10001'),
    'excluded',
  ],
  ['exclude elsewhere', { exclude: [us({ postal_prefixes: ['99'] })] }, to('US', '10001'), 'yes'],
  [
    'exclude that cannot be told',
    { exclude: [us({ postal_prefixes: ['99'] })] },
    to('US'),
    '? postal_code_needed',
  ],
  [
    'not included, whatever the exclude',
    { include: [{ country: 'DE' }], exclude: [us({ postal_prefixes: ['99'] })] },
    to('US'),
    'not_included',
  ],
  [
    'codes in a country without',
    only({ country: 'AE', postal_prefixes: ['1'] }),
    to('AE', '1'),
    'not_included',
  ],
  [
    'a distance in a country without',
    only({ country: 'AE', ...ring(25, 55, 100) }),
    to('AE'),
    '? not_located',
  ],
  ['a distance without a code', only(us(ring(40, -74, 10))), to('US'), '? postal_code_needed'],
  [
    'a distance without a map',
    only({ country: 'MX', ...ring(19, -99, 10) }),
    to('MX', '01000'),
    '? not_located',
  ],
  ['near', only(us(ring(40.75, -73.99, 5))), to('US', '10001'), 'yes'],
  ['far', only(us(ring(34.05, -118.24, 100))), to('US', '10001'), 'not_included'],
  [
    'near, but abroad',
    only({ country: 'CA', ...ring(40.75, -73.99, 5) }),
    to('US', '10001'),
    'not_included',
  ],
  [
    'over the antimeridian',
    only({ country: 'NZ', ...ring(-17, 179.9, 50) }),
    at('NZ', -17, -179.9),
    'yes',
  ],
  ['over the pole', only({ country: 'NO', ...ring(89.9, 0, 30) }), at('NO', 89.9, 180), 'yes'],
];

describe('deliveryTo', () => {
  it.each(cases)('%s', (_, rules, place, expected) => {
    const { deliverable, reason } = deliveryTo(rules, place);
    const said = deliverable === null ? `? ${String(reason)}` : deliverable ? 'yes' : reason;
    expect(said).toBe(expected);
    expect(reason === null).toBe(deliverable === true);
  });

  it('says days and fee of the first region that holds, the product’s own where it says nothing', () => {
    const rules: DeliveryRules = {
      include: [us({ postal_prefixes: ['9'] }), us({ eta_days: [1, 2] }), us({ eta_days: [9, 9] })],
      eta_days: [5, 7],
      fee,
    };
    expect(deliveryTo(rules, to('US', '10001'))).toMatchObject({ eta_days: [1, 2], fee });
    expect(deliveryTo({ eta_days: [5, 7] }, to('AU'))).toMatchObject({
      eta_days: [5, 7],
      fee: null,
    });
    expect(deliveryTo(rules, to('DE'))).toMatchObject({ eta_days: null, fee: null });
  });

  it('marks what was measured from the centre of an area', () => {
    const rules = only(us(ring(40.75, -73.99, 50)));
    expect(deliveryTo(rules, to('US', '10000'))).toMatchObject({
      deliverable: true,
      approximate: true,
    });
    expect(deliveryTo(rules, to('US', '10001'))).toMatchObject({ approximate: false });
    expect(deliveryTo(only(us()), to('US', '10000'))).toMatchObject({ approximate: false });
  });

  it('decides at the very border of a radius', () => {
    const place = to('US', '10001');
    const { lat, lon } = place.point ?? { lat: 0, lon: 0 };
    const km = distanceKm({ lat: 41, lon: -75 }, { lat, lon });
    expect(deliveryTo(only(us(ring(41, -75, km))), place).deliverable).toBe(true);
    expect(deliveryTo(only(us(ring(41, -75, km - 1e-6))), place).deliverable).toBe(false);
  });
});

describe('distanceKm', () => {
  it.each([
    ['Berlin and Paris', { lat: 52.52, lon: 13.405 }, { lat: 48.8566, lon: 2.3522 }, 877],
    ['half the globe', { lat: 0, lon: 0 }, { lat: 0, lon: 180 }, 20_015],
    ['over the antimeridian', { lat: 0, lon: 179.5 }, { lat: 0, lon: -179.5 }, 111],
    ['the same point', { lat: 10, lon: 10 }, { lat: 10, lon: 10 }, 0],
  ])('%s', (_, a, b, km) => {
    expect(Math.round(distanceKm(a, b))).toBe(km);
  });
});

describe('places', () => {
  const located = (country: string, code: string | null) => {
    const { point, approximate, unknown } = to(country, code);
    const where = point === null ? null : [Math.round(point.lat), Math.round(point.lon)];
    return { where, approximate, unknown };
  };
  const here = (lat: number, lon: number, approximate = false) => ({
    ...{ where: [lat, lon], approximate, unknown: null },
  });
  const nowhere = { where: null, approximate: false, unknown: null };

  it.each([
    ['US', '10001', here(41, -74)],
    ['US', '10001-1234', here(41, -74)],
    ['US', '10000', here(41, -74, true)],
    ['US', '00901', here(18, -66)],
    ['US', '99999', { ...nowhere, unknown: 'unknown_postal_code' }],
    ['US', 'zzzzz', { ...nowhere, unknown: 'unknown_postal_code' }],
    ['DE', '01067', here(51, 14)],
    ['DE', '1067', { ...nowhere, unknown: 'unknown_postal_code' }],
    ['GB', 'm1 2ab', here(53, -2)],
    ['CA', 'K1A 0B1', here(45, -76)],
    ['PT', '1000', here(39, -9)],
    ['IN', '560001', here(13, 78)],
    ['IN', '110 001', here(29, 77)],
    ['IN', '560999', here(13, 78, true)],
    ['IN', '56000', { ...nowhere, unknown: 'unknown_postal_code' }],
    ['JP', '100-0001', here(36, 140)],
    ['JP', '9000001', here(26, 128)],
    ['JP', '9999999', here(39, 140, true)],
    ['MX', '01000', nowhere],
    ['AE', '12345', nowhere],
    ['US', null, nowhere],
    ['QQ', '10001', { ...nowhere, unknown: 'unknown_country' }],
  ])('%s %s', (country, code, expected) => {
    expect(located(country, code)).toEqual(expected);
  });
});
