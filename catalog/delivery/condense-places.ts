/**
 * Makes data/places.txt.gz from GeoNames' table of postal codes (its own form, tab-separated, on
 * standard input): `node dist/catalog/delivery/condense-places.js < allCountries.txt`. Codes that
 * share a prefix and lie within 2 km of each other's centre become one line of that prefix. With
 * `--add` the countries of the file that are not on standard input stay as they are.
 */
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGzip, gunzipSync } from 'node:zlib';
import { projectRoot } from '../../platform/config.ts';
import { hasPostalCodes, isCountry } from './countries.ts';
import { centreOf, distanceKm } from './great-circle.ts';
import type { Point } from './great-circle.ts';
import { normalizePostalCode } from '../../platform/postal-code.ts';

type Codes = Map<string, Point[]>;

const mergedWithinKm = 2;
/** Territories whose addresses are also written with the country of their post. */
const sameCodes: Readonly<Record<string, string>> = {
  ...{ PR: 'US', VI: 'US', GU: 'US', AS: 'US', MP: 'US' },
  ...{ GP: 'FR', MQ: 'FR', GF: 'FR', RE: 'FR', YT: 'FR', AX: 'FI', SJ: 'NO' },
};

async function read(): Promise<Map<string, Codes>> {
  const countries = new Map<string, Codes>();
  const add = (country: string, code: string, point: Point): void => {
    const codes = countries.get(country) ?? new Map<string, Point[]>();
    countries.set(country, codes);
    codes.set(code, [...(codes.get(code) ?? []), point]);
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const [country = '', code = '', , , , , , , , lat, lon] = line.split('\t');
    const point = { lat: Number(lat), lon: Number(lon) };
    const normal = normalizePostalCode(code);
    if (!isCountry(country) || !hasPostalCodes(country)) continue;
    if (!/^[A-Z0-9]{2,10}$/.test(normal) || !(Math.abs(point.lat) <= 90)) continue;
    add(country, normal, point);
    const also = sameCodes[country];
    if (also !== undefined) add(also, normal, point);
  }
  return countries;
}

/** Lines `prefix lat lon` in hundredths of a degree. */
function condense(codes: readonly (readonly [string, Point])[], prefix: string): string[] {
  const points = codes.map(([, point]) => point);
  const centre = centreOf(points);
  const sameLength = codes.every(([code]) => code.length === codes[0]?.[0].length);
  const near = points.every((point) => distanceKm(point, centre) <= mergedWithinKm);
  if (codes.length === 1 || (near && sameLength && prefix.length >= 2)) {
    const name = codes.length === 1 ? (codes[0]?.[0] ?? prefix) : prefix;
    return [`${name} ${Math.round(centre.lat * 100)} ${Math.round(centre.lon * 100)}`];
  }
  const byNext = new Map<string, (readonly [string, Point])[]>();
  for (const one of codes) {
    const head = one[0].slice(0, prefix.length + 1);
    const some = byNext.get(head);
    if (some === undefined) byNext.set(head, [one]);
    else some.push(one);
  }
  // A code that is the beginning of others stays as it is.
  const own = byNext.get(prefix) ?? [];
  byNext.delete(prefix);
  const lines = own.flatMap((one) => condense([one], prefix));
  return [...lines, ...[...byNext].sort().flatMap(([head, some]) => condense(some, head))];
}

const file = join(projectRoot(), 'catalog/data/places.txt.gz');

/** As they stand in the file, by country. */
function kept(): (readonly [country: string, section: string])[] {
  if (!process.argv.includes('--add')) return [];
  const sections = gunzipSync(readFileSync(file)).toString('latin1').split('> ').slice(1);
  return sections.map((section) => [section.slice(0, 2), `> ${section}`]);
}

function sectionOf(country: string, codes: Codes): string {
  const centres = [...codes].map(([code, points]) => [code, centreOf(points)] as const);
  const lengths = [...new Set(centres.map(([code]) => code.length))];
  const sizes = `${Math.min(...lengths)} ${Math.max(...lengths)}`;
  return `> ${country} ${sizes}\n${condense(centres, '').join('\n')}\n`;
}

const sections = new Map(kept());
for (const [country, codes] of await read()) sections.set(country, sectionOf(country, codes));
const out = createGzip({ level: 9 });
out.pipe(createWriteStream(file));
for (const [, section] of [...sections].sort(([a], [b]) => (a < b ? -1 : 1))) out.write(section);
out.end();
