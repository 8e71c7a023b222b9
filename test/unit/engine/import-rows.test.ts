/** Rows of an imported file: the rules of a registration, and what is said of a row at fault. */
import { describe, expect, it } from 'vitest';
import { readHeader, readRow } from '../../../engine/imports/rows.ts';

const record = (text: string | Buffer, fault: 'too_long' | 'open_quote' | null = null) => ({
  bytes: Buffer.from(text),
  end: 0,
  fault,
});
const read = (text: string | Buffer, columns: readonly string[] | null = null, row = 7) =>
  readRow(record(text), row, columns, 'USD');

const laptop = {
  name: 'KUHL Laptop',
  description: 'Good',
  price_usd: 199.99,
  remaining_supply: 30,
};
const json = (more: object) => JSON.stringify({ ...laptop, ...more });

describe('a row of NDJSON', () => {
  it('is a registration, priced in minor units', () => {
    expect(read(json({ sku: 'K-1', attributes: { ram: { gb: 10 } } }))).toEqual({
      row: 7,
      body: {
        ...laptop,
        sku: 'K-1',
        attributes: { ram: { gb: 10 } },
        price: { amount: 19_999, currency: 'USD' },
      },
      variantOfRow: null,
    });
  });

  it('may be a variant of an earlier row', () => {
    expect(read(json({ variant_of: 'row:6' }))).toMatchObject({ variantOfRow: 6 });
    expect(read(json({ variant_of: 'prd_0123456789abc' }))).toMatchObject({ variantOfRow: null });
    expect(read(json({ variant_of: 'row:7' }))).toMatchObject({ code: 'not_found' });
    expect(read(json({ variant_of: 'row:0' }))).toMatchObject({ code: 'invalid_request' });
  });

  it.each([
    ['{"name":', 'invalid_request', 'not valid JSON'],
    ['[]', 'invalid_request', ''],
    ['null', 'invalid_request', ''],
    ['"text"', 'invalid_request', ''],
    [json({ name: undefined }), 'invalid_request', 'name'],
    [json({ colour: 'red' }), 'unknown_field', 'attributes'],
    [json({ price_usd: 1.999 }), 'invalid_request', 'two decimals'],
    [json({ price: { amount: 1, currency: 'USD' } }), 'invalid_request', 'exclude'],
    [json({ remaining_supply: -1 }), 'invalid_request', 'remaining_supply'],
    [json({ remaining_supply: 1e8 }), 'invalid_request', 'remaining_supply'],
    [json({ name: 'a\u0000' }), 'invalid_request', 'NUL'],
    [`{"name":"\\ud800"}`, 'invalid_request', 'surrogate'],
    [json({ delivery: { include: [{ country: 'de' }] } }), 'invalid_request', 'country'],
    ['{"__proto__":{}}', 'invalid_request', ''],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'invalid_request', 'UTF-8'],
  ])('%s is %s', (text, code, detail) => {
    const found = read(text);
    expect(found).toMatchObject({ row: 7, code });
    expect('detail' in found ? found.detail : '').toContain(detail);
  });

  it('is named by what is wrong with its record', () => {
    expect(readRow(record('', 'too_long'), 1, null, 'USD')).toMatchObject({ code: 'too_large' });
    const open = readRow(record('', 'open_quote'), 1, ['name'], 'USD');
    expect(open).toMatchObject({ code: 'invalid_request' });
  });
});

const header = ['name', 'price_usd', 'remaining_supply', 'attributes.color', 'images', 'delivery'];

describe('a row of CSV', () => {
  it('has numbers, members and lists', () => {
    const row =
      '"A ""big"" cup",12.50,3,"Red, dark",https://a.example/1 https://a.example/2,"{""include"":[]}"';
    expect(read(row, header)).toMatchObject({
      body: {
        name: 'A "big" cup',
        description: '',
        price_usd: 12.5,
        remaining_supply: 3,
        attributes: { color: 'Red, dark' },
        images: ['https://a.example/1', 'https://a.example/2'],
        delivery: { include: [] },
      },
    });
  });

  it('leaves empty cells out', () => {
    const found = read('Cup,1,0,,,', header);
    expect(found).toMatchObject({ body: { name: 'Cup', remaining_supply: 0 } });
    expect(Object.keys('body' in found ? found.body : {})).not.toContain('images');
  });

  it.each([
    ['Cup,1,0', 'has 3 fields'],
    ['Cup,1,0,,,,', 'has 7 fields'],
    ['Cup,one,0,,,', 'price_usd'],
    ['Cup,1,1e3,,,', 'remaining_supply'],
    ['Cup,0x10,1,,,', 'price_usd'],
    ['Cup,1,0,,,{', 'delivery'],
    ['Cu"p,1,0,,,', 'quotes'],
    ['"Cup"x,1,0,,,', 'quotes'],
  ])('%s is at fault', (row, detail) => {
    const found = read(row, header);
    expect(found).toMatchObject({ code: 'invalid_request' });
    expect('detail' in found ? found.detail : '').toContain(detail);
  });

  it('begins with a header of registered fields', () => {
    expect(readHeader(record('name, price_usd ,attributes.color'))).toEqual({
      columns: ['name', 'price_usd', 'attributes.color'],
    });
    expect(readHeader(record('name,colour'))).toMatchObject({
      detail: expect.stringContaining('colour') as string,
    });
    // Not by the names that every object has.
    for (const name of ['__proto__', 'constructor.name', 'toString']) {
      expect(readHeader(record(`name,${name}`))).toMatchObject({
        detail: `the column \`${name}\` is unknown`,
      });
    }
    expect(readHeader(record('name,name'))).toMatchObject({
      detail: expect.stringContaining('twice') as string,
    });
    expect(readHeader(record('a"b'))).toMatchObject({
      detail: expect.stringContaining('header') as string,
    });
    expect(readHeader(record(Buffer.from([0xff, 0xfe])))).toHaveProperty('detail');
  });
});
