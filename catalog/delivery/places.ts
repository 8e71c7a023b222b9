/**
 * Where a postal code is. The code itself, else the centre of what begins like it, marked
 * approximate; what is farther than 100 km from that centre is no place that we know. A country's
 * codes are read when the first of them is asked for. Data: GeoNames and
 * India Post (catalog/data/README.md).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '../../platform/config.ts';
import { hasPostalCodes, isCountry } from './countries.ts';
import { centreOf, distanceKm } from './great-circle.ts';
import type { Point } from './great-circle.ts';
import { normalizePostalCode } from '../../platform/postal-code.ts';
import type { Place } from './rules.ts';

export interface Places {
  /** Never throws; what is not known is said in the place. `postalCode` as a person wrote it. */
  locate(country: string, postalCode: string | null): Place;
}

interface Codes {
  readonly minLength: number;
  readonly maxLength: number;
  /** By code or, where near ones were merged, by what they begin with; in the order of `sorted`. */
  readonly points: ReadonlyMap<string, Point>;
  readonly sorted: readonly string[];
  /** Centres of what begins alike, made when asked for; null = spread too far. */
  readonly centres: Map<string, Point | null>;
}

const approximateWithinKm = 100;
/** Where a shorter code than those in the data is also written whole. */
const shortLength: Readonly<Record<string, number>> = { PT: 4, BR: 5 };
/** Full codes are longer than those in the data: ZIP+4, and where only the first part is public. */
const fullLength: Readonly<Record<string, number>> = {
  ...{ US: 9, GB: 7, CA: 6, IE: 7, NL: 6, MT: 7, AR: 8, BR: 8, TW: 6, IR: 10 },
  ...{ GG: 7, IM: 7, JE: 6 },
};
/** The last three characters are within a district: M1 2AB is in M1, not in M12. */
const districts: ReadonlySet<string> = new Set(['GB', 'GG', 'IM', 'JE']);

export function loadPlaces(file = join(projectRoot(), 'catalog/data/places.txt.gz')): Places {
  const sections = sectionsOf(gunzipSync(readFileSync(file)).toString('latin1'));
  const countries = new Map<string, Codes>();
  const codesOf = (country: string): Codes | null => {
    const section = sections.get(country);
    if (section === undefined) return countries.get(country) ?? null;
    const codes = parse(country, section);
    countries.set(country, codes);
    sections.delete(country);
    return codes;
  };
  return {
    locate(country, postalCode) {
      const known = { country, postalCode: null, point: null, approximate: false, unknown: null };
      const codes = hasPostalCodes(country);
      if (!isCountry(country)) {
        return { ...known, unknown: 'unknown_country', hasPostalCodes: codes };
      }
      const code = normalizePostalCode(postalCode ?? '');
      const place: Place = { ...known, hasPostalCodes: codes };
      return !codes || code === '' ? place : pointOf({ ...place, postalCode: code }, code, codesOf);
    },
  };
}

function sectionsOf(text: string): Map<string, string> {
  const sections = text.split('> ').slice(1);
  return new Map(sections.map((section) => [section.slice(0, 2), section.slice(3)]));
}

function parse(country: string, section: string): Codes {
  const [head = '', ...lines] = section.trimEnd().split('\n');
  const [minLength = 0, maxLength = 0] = head.split(' ').map(Number);
  const points = new Map<string, Point>();
  for (const line of lines) {
    const [code = '', lat, lon] = line.split(' ');
    points.set(code, { lat: Number(lat) / 100, lon: Number(lon) / 100 });
  }
  const shortest = Math.min(minLength, shortLength[country] ?? minLength);
  const longest = Math.max(maxLength, fullLength[country] ?? 0);
  return {
    minLength: shortest,
    maxLength: longest,
    points,
    sorted: [...points.keys()],
    centres: new Map(),
  };
}

function pointOf(place: Place, code: string, codesOf: (country: string) => Codes | null): Place {
  const codes = codesOf(place.country);
  // The country has codes, but we have no map of them: rules by code still hold.
  if (codes === null) return place;
  const unknown: Place = { ...place, unknown: 'unknown_postal_code' };
  if (code.length < codes.minLength || code.length > codes.maxLength) return unknown;
  const area = districts.has(place.country) && code.length >= 5 ? code.slice(0, -3) : code;
  for (let length = area.length; length >= 1; length -= 1) {
    const head = area.slice(0, length);
    const point = codes.points.get(head);
    if (point !== undefined) return { ...place, point };
    const centre = centreAround(codes, head);
    if (centre !== undefined) {
      return centre === null ? unknown : { ...place, point: centre, approximate: true };
    }
  }
  return unknown;
}

/** Undefined = nothing begins like this; null = what does is too far apart to have one centre. */
function centreAround(codes: Codes, head: string): Point | null | undefined {
  const made = codes.centres.get(head);
  if (made !== undefined) return made;
  const around: Point[] = [];
  for (let i = firstFrom(codes.sorted, head); codes.sorted[i]?.startsWith(head) === true; i += 1) {
    const point = codes.points.get(codes.sorted[i] ?? '');
    if (point !== undefined) around.push(point);
  }
  if (around.length === 0) return undefined;
  const centre = centreOf(around);
  const near = around.every((point) => distanceKm(point, centre) <= approximateWithinKm);
  codes.centres.set(head, near ? centre : null);
  return near ? centre : null;
}

/** The place of the first that is not before `head`. */
function firstFrom(sorted: readonly string[], head: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < head) low = middle + 1;
    else high = middle;
  }
  return low;
}
