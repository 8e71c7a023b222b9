// The generated shop: the same for the same seed, accepted at the front door, with something for
// every real query.
import { describe, expect, it } from 'vitest';
import { checkRegistration } from '../../../engine/registration/rules.ts';
import type { RegistrationBody } from '../../../engine/registration/rules.ts';
import { registrationBody } from '../../../engine/registration/schema.ts';
import { loadPlaces } from '../../../catalog/delivery/places.ts';
import { deliveryTo } from '../../../catalog/delivery/rules.ts';
import { createGenerator, soldIn } from '../../../catalog/seed/generator.ts';
import { readSources } from '../../../catalog/seed/sources.ts';
import { Ajv2020 } from 'ajv/dist/2020.js';

const sources = readSources();
const { queries, stores } = sources;
const first = createGenerator(1, sources);
const numbers = Array.from({ length: 3000 }, (_, n) => n);

describe('the generated shop', () => {
  it('is made of the real data', () => {
    expect([queries.length, sources.kinds.length]).toEqual([480, 189]);
    expect(sources.categories.length).toBeGreaterThan(1000);
    expect(stores.length).toBeGreaterThan(1500);
  });

  it('is the same for the same seed, in any order, and another for another', () => {
    const again = createGenerator(1, sources);
    const other = createGenerator(2, sources);
    for (const n of [2999, 0, 481, 500]) {
      expect(again.product(n)).toEqual(first.product(n));
      expect(other.product(n)).not.toEqual(first.product(n));
    }
  });

  it('is accepted as vendors’ registrations', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const valid = ajv.compile(registrationBody);
    for (const n of numbers) {
      const { registration } = first.product(n);
      expect([n, valid(registration), valid.errors]).toEqual([n, true, null]);
      checkRegistration(registration as unknown as RegistrationBody, 'USD');
      const inEuro = soldIn('EUR', registration);
      expect([n, valid(inEuro), valid.errors]).toEqual([n, true, null]);
      checkRegistration(inEuro as RegistrationBody, 'EUR');
    }
  });

  it('has a product for every real query, of its class, with all words but the small ones', () => {
    queries.forEach((query, n) => {
      const { registration, facts } = first.product(n);
      expect(facts).toEqual({ query: n, whole: true, kind: query.kind });
      const words = query.text.toLowerCase().split(/\s+/);
      const name = registration.name.toLowerCase().split(/\s+/);
      const held = words.filter((word) => name.includes(word));
      expect([query.text, held.length]).not.toEqual([query.text, 0]);
      expect(registration.category.endsWith(query.kind)).toBe(true);
    });
  });

  it('has variants of products of the same vendor', () => {
    const variants = numbers
      .map((n) => first.product(n))
      .filter(({ variantOf: of }) => of !== null);
    expect(variants.length).toBeGreaterThan(100);
    for (const { variantOf, vendor } of variants) {
      expect(first.product(variantOf ?? 0)).toMatchObject({ vendor, variantOf: null });
    }
  });

  it('delivers to real places, here and not there', () => {
    const places = loadPlaces();
    const near = stores.slice(0, 50).map(({ zip }) => places.locate('US', zip));
    expect(near.filter(({ unknown }) => unknown !== null)).toEqual([]);
    const said = new Set<unknown>();
    for (const { rules } of first.vendors) {
      for (const rule of rules) {
        for (const place of near) said.add(deliveryTo(rule, place).deliverable);
      }
    }
    expect(said).toEqual(new Set([true, false]));
  });
});
