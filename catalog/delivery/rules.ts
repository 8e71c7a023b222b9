/**
 * Whether a product goes to a place, by its vendor's rules. An include that holds suffices, an
 * exclude that holds wins, none at all = everywhere. What cannot be known is null, never a guess.
 * Pure: the place was looked up before (places.ts).
 */
import { distanceKm } from './great-circle.ts';
import type { Point } from './great-circle.ts';
import { inRange, normalizePostalCode } from '../../platform/postal-code.ts';

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

/** Days of delivery, [earliest, latest]. */
export type EtaDays = readonly [number, number];

export interface Terms {
  readonly eta_days?: EtaDays;
  readonly fee?: Money;
}

/** All fields that are there have to hold. */
export interface Region extends Terms {
  readonly country: string;
  readonly postal_prefixes?: readonly string[];
  readonly postal_ranges?: readonly (readonly [string, string])[];
  readonly radius?: Point & { readonly km: number };
}

/** As registered: the contract's `delivery`. */
export interface DeliveryRules extends Terms {
  readonly include?: readonly Region[];
  readonly exclude?: readonly Region[];
}

/** Where a shopper is, as far as it is known. */
export interface Place {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** Normalized; null = not given, or the country has none. */
  readonly postalCode: string | null;
  /** Null = not on our map. */
  readonly point: Point | null;
  /** The point is the centre of a larger area around the code. */
  readonly approximate: boolean;
  /** Why the place as a whole is unknown; null = it is known. */
  readonly unknown: 'unknown_country' | 'unknown_postal_code' | null;
  /** False in a country without postal codes: rules by postal code cannot hold there. */
  readonly hasPostalCodes: boolean;
}

export type Reason =
  | 'excluded'
  | 'not_included'
  | 'place_needed'
  | 'unknown_country'
  | 'unknown_postal_code'
  | 'postal_code_needed'
  | 'not_located';

export interface Delivery {
  readonly deliverable: boolean | null;
  /** Null exactly when it is deliverable. */
  readonly reason: Reason | null;
  readonly eta_days: EtaDays | null;
  readonly fee: Money | null;
  /** It was decided by a distance from the centre of an area, not from the code itself. */
  readonly approximate: boolean;
}

/** Whether something holds, or what is missing to tell. */
type Held = boolean | 'postal_code_needed' | 'not_located';

/** The first include that holds gives days and fee, the product's own where it says nothing. */
export function deliveryTo(rules: DeliveryRules | null, place: Place | null): Delivery {
  if (place === null) return refused(null, 'place_needed');
  if (place.unknown !== null) return refused(null, place.unknown);
  const { include = [], exclude = [] } = rules ?? {};
  const out = exclude.map((region) => holds(region, place));
  const measured = place.approximate && [...include, ...exclude].some(byRadius(place));
  if (out.includes(true)) return { ...refused(false, 'excluded'), approximate: measured };
  const within = include.map((region) => holds(region, place));
  const at = within.indexOf(true);
  if (at < 0 && include.length > 0) {
    const missing = within.find((held) => typeof held === 'string');
    if (missing !== undefined) return refused(null, missing);
    return { ...refused(false, 'not_included'), approximate: measured };
  }
  const doubt = out.find((held) => typeof held === 'string');
  if (doubt !== undefined) return refused(null, doubt);
  const terms: Terms = { ...rules, ...include[at] };
  return {
    deliverable: true,
    reason: null,
    eta_days: terms.eta_days ?? null,
    fee: terms.fee ?? null,
    approximate: measured,
  };
}

function refused(deliverable: false | null, reason: Reason): Delivery {
  return { deliverable, reason, eta_days: null, fee: null, approximate: false };
}

const byRadius =
  (place: Place) =>
  (region: Region): boolean =>
    region.radius !== undefined && region.country === place.country;

/** False as soon as one field does not hold, whatever is unknown of the others. */
function holds(region: Region, place: Place): Held {
  if (region.country !== place.country) return false;
  const fields = [postalHolds(region, place), radiusHolds(region, place)];
  if (fields.includes(false)) return false;
  return fields.find((held) => held !== true) ?? true;
}

function postalHolds({ postal_prefixes, postal_ranges }: Region, place: Place): Held {
  if (postal_prefixes === undefined && postal_ranges === undefined) return true;
  if (!place.hasPostalCodes) return false;
  const code = place.postalCode;
  if (code === null) return 'postal_code_needed';
  const begins = (prefix: string): boolean => code.startsWith(normalizePostalCode(prefix));
  if (postal_prefixes !== undefined && !postal_prefixes.some(begins)) return false;
  return postal_ranges === undefined || postal_ranges.some((range) => inRange(code, range));
}

function radiusHolds({ radius }: Region, place: Place): Held {
  if (radius === undefined) return true;
  if (place.point !== null) return distanceKm(radius, place.point) <= radius.km;
  return place.hasPostalCodes && place.postalCode === null ? 'postal_code_needed' : 'not_located';
}
