// What search keeps of a product: whole characters, and attributes that can be asked for.
import { expect, it } from 'vitest';
import { searchTextOf } from '../../../catalog/search/document.ts';
import type { StoredProduct } from '../../../catalog/product-rows.ts';

const bold = '\u{1d400}';

function texts(more: Partial<StoredProduct>) {
  const product = {
    ...{ name: 'x', brand: null, category: null, description: '', attributes: {}, options: {} },
    ...more,
  } as StoredProduct;
  return searchTextOf(product, []);
}

it('cuts no character in two', () => {
  // The first letter takes one unit, each other one two: the limit falls into the middle of one.
  const { d } = texts({ description: `a${bold.repeat(2500)}` });
  expect(d.length).toBe(3999);
  expect(Buffer.from(d).toString()).toBe(d);
  expect(texts({ description: bold.repeat(2500) }).d).toHaveLength(4000);
});

it('has no tag that a list parted at its commas cannot name', () => {
  const attributes = { colour: 'red, green', 'Size, EU': '42', spec: 'a,b=c', of: 'oak=real' };
  expect(texts({ attributes }).tags.map(({ label }) => label)).toEqual([
    'a:colour=red, green',
    'a:of=oak=real',
  ]);
});
