// Messages as they come over Kafka: what becomes a row, and what is malformed and why.
import { describe, expect, it } from 'vitest';
import { Malformed, parseNewProduct } from '../../../catalog/new-product.ts';

const good = {
  id: 'prd_1',
  vendor_id: 'ven_1',
  name: 'KUHL Laptop',
  price: { amount: 20_000, currency: 'USD' },
  registered_at: '2026-01-02T03:04:05Z',
};

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const parse = (value: unknown, key: string | null = 'prd_1') => parseNewProduct(key, bytes(value));

describe('a new-product message', () => {
  it('becomes a row, with defaults for what a vendor may leave out', () => {
    expect(parse(good)).toEqual({
      ...{ id: 'prd_1', vendor_id: 'ven_1', name: 'KUHL Laptop', description: '' },
      ...{ price: 20_000, currency: 'USD', sku: null, category: null, brand: null, images: [] },
      ...{ attributes: {}, variant_of: null, options: {}, delivery: null, version: 1 },
      registered_at: '2026-01-02T03:04:05.000Z',
      withdrawn: false,
    });
  });

  it('keeps all that was registered', () => {
    const more = {
      description: 'A gaming laptop',
      sku: 'K-1',
      category: 'Computers > Laptops',
      brand: 'KUHL',
      images: ['https://example.test/1.jpg'],
      attributes: { ram: { gb: 10 } },
      variant_of: 'prd_0',
      options: { size: '42' },
      delivery: { include: [{ country: 'US' }] },
      version: 7,
      withdrawn: true,
    };
    expect(parse({ ...good, ...more })).toMatchObject(more);
  });

  it('may carry fields that this version does not know, and nulls for what is not given', () => {
    const row = parse({ ...good, price_usd: 200, remaining_supply: 30, sku: null, delivery: null });
    expect(row).toEqual(parse(good));
    expect(row).not.toHaveProperty('remaining_supply');
  });

  it('needs no key', () => {
    expect(parse(good, null).id).toBe('prd_1');
  });

  it.each<[string, unknown, string]>([
    ['another key', { ...good, id: 'prd_2' }, 'the key is not the id'],
    ['a list', [good], 'the value is not an object'],
    ['null', null, 'the value is not an object'],
    ['no id', { ...good, id: undefined }, 'id is missing'],
    ['an id that is a number', { ...good, id: 1 }, 'id is missing'],
    ['an id with a space', { ...good, id: 'prd 1' }, 'id is missing'],
    ['an endless id', { ...good, id: 'p'.repeat(81) }, 'id is missing'],
    ['no vendor', { ...good, vendor_id: '' }, 'vendor_id is missing'],
    ['no name', { ...good, name: null }, 'name is not a text'],
    ['a NUL', { ...good, name: 'a\0b' }, 'NUL'],
    ['an endless name', { ...good, name: 'n'.repeat(65_537) }, 'longer than'],
    ['a price that is a number', { ...good, price: 200 }, 'price is not an object'],
    ['a fraction', { ...good, price: { amount: 0.5, currency: 'USD' } }, 'price.amount'],
    ['a negative price', { ...good, price: { amount: -1, currency: 'USD' } }, 'price.amount'],
    ['2^53', { ...good, price: { amount: 2 ** 53, currency: 'USD' } }, 'price.amount'],
    ['no currency', { ...good, price: { amount: 1, currency: 'usd' } }, 'price.currency'],
    ['images that are a text', { ...good, images: 'x' }, 'images is not a list'],
    ['an image that is a number', { ...good, images: ['x', 1] }, 'images.1 is not a text'],
    ['too many images', { ...good, images: Array(101).fill('x') }, 'more than 100'],
    ['attributes that are a list', { ...good, attributes: [] }, 'attributes is not an object'],
    ['version 0', { ...good, version: 0 }, 'version'],
    ['a withdrawal that is a word', { ...good, withdrawn: 'yes' }, 'withdrawn is neither'],
    ['no time', { ...good, registered_at: 'noon' }, 'registered_at is not a time'],
  ])('with %s is malformed', (_, value, why) => {
    expect(() => parse(value)).toThrow(Malformed);
    expect(() => parse(value)).toThrow(why);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no JSON', Buffer.from('{"id":')],
    ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
  ])('of %s is malformed', (_, value) => {
    expect(() => parseNewProduct('prd_1', value)).toThrow('not JSON in UTF-8');
  });
});
