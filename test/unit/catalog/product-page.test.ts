// The page as shoppers see it: availability over sales, what is shown of stock and what is not.
import { describe, expect, it } from 'vitest';
import { asOf, availabilityOf, productDocument } from '../../../catalog/product-page.ts';
import type { Band, Offer, ProductPage } from '../../../catalog/product-rows.ts';

const startsAt = new Date('2026-01-02T12:00:00Z');

function offer(band: Band, more: Partial<Offer> = {}): Offer {
  return {
    sale_id: 'sal_1',
    product_id: 'prd_1',
    kind: 'standing',
    state: 'live',
    price: 20_000,
    list_price: 20_000,
    starts_at: startsAt,
    ends_at: null,
    allotted: 30,
    claimed: 4,
    band,
    who: 'anyone',
    limit_per_shopper: 100,
    admission: 'open',
    lane: 0,
    as_of: null,
    ...more,
  };
}

function page(offers: readonly Offer[]): ProductPage {
  const product = {
    ...{ id: 'prd_1', vendor_id: 'ven_1', name: 'Shoe', description: 'A shoe', price: 20_000 },
    ...{ currency: 'USD', sku: 'S-1', category: 'Shoes', brand: null, images: [], attributes: {} },
    ...{ variant_of: null, options: {}, delivery: null, version: 1, registered_at: startsAt },
  };
  const variant = { id: 'prd_2', name: 'Shoe 42', price: 21_000, currency: 'USD' };
  return { product, variants: [{ ...variant, options: { size: '42' } }], offers };
}

describe('availability', () => {
  it.each<[Band[], Band]>([
    [[], 'coming'],
    [['sold_out'], 'sold_out'],
    [['sold_out', 'coming'], 'coming'],
    [['coming', 'low'], 'low'],
    [['low', 'in_stock', 'sold_out'], 'in_stock'],
  ])('of %j is %s', (bands, best) => {
    expect(availabilityOf(bands.map((band) => offer(band)))).toBe(best);
  });
});

describe('the age of a page', () => {
  it('is that of the sale settled least lately', () => {
    const late = new Date(5000);
    const early = new Date(2000);
    expect(asOf([offer('low', { as_of: late }), offer('low', { as_of: early })])).toEqual(early);
    expect(asOf([offer('low'), offer('low', { as_of: late })])).toEqual(late);
    expect(asOf([])).toBeNull();
  });
});

describe('a product page', () => {
  it('has every field of the contract', () => {
    expect(Object.keys(productDocument(page([])))).toEqual(
      expect.arrayContaining([
        ...['id', 'name', 'description', 'price', 'category', 'brand', 'images', 'attributes'],
        ...['variants', 'availability', 'sales'],
      ]),
    );
  });

  it('hides the exact stock of a standing sale', () => {
    const json = JSON.stringify(productDocument(page([offer('in_stock')])));
    expect(json).not.toMatch(/allotted|claimed/);
    expect(json).toContain('"ends_at":null');
  });

  it('publishes the allotment and the claimed share of a flash sale, rounded down', () => {
    const flash = { kind: 'flash', ends_at: new Date('2026-01-02T13:00:00Z') } as const;
    const shown = (allotted: number, claimed: number): unknown =>
      productDocument(page([offer('low', { ...flash, allotted, claimed })]));
    expect(shown(1000, 999)).toMatchObject({ sales: [{ allotted: 1000, claimed_share: 0.99 }] });
    expect(shown(1000, 1000)).toMatchObject({ sales: [{ claimed_share: 1 }] });
    expect(shown(3, 1)).toMatchObject({ sales: [{ claimed_share: 0.33 }] });
    expect(shown(0, 0)).toMatchObject({ sales: [{ claimed_share: 1 }] });
  });

  it('keeps a variant’s sales apart from the product’s own', () => {
    const of = [offer('sold_out'), offer('in_stock', { sale_id: 'sal_2', product_id: 'prd_2' })];
    expect(productDocument(page(of))).toMatchObject({
      availability: 'sold_out',
      sales: [{ id: 'sal_1' }],
      variants: [{ id: 'prd_2', availability: 'in_stock', options: { size: '42' } }],
    });
  });
});
