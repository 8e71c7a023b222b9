/** Validation: which code, which param, which words. */
import { describe, expect, it } from 'vitest';
import { parameterKinds, parseQuery } from '../../../platform/http/query.ts';
import type { JsonSchema } from '../../../platform/http/route.ts';
import { isOpen, prepared } from '../../../platform/http/schema-walk.ts';
import { Validators } from '../../../platform/http/validate.ts';

const validators = new Validators();

const schema: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'quantity'],
  'x-unknown': 'put your own under `attributes`',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 5, example: 'x' },
    quantity: { type: 'integer', minimum: 1 },
    seconds: { type: 'integer', minimum: 1, maximum: 60, default: 30 },
    at: { type: 'string', format: 'date-time' },
    kind: { enum: ['a', 'b'] },
    country: { type: 'string', pattern: '^[A-Z]{2}$', example: 'DE' },
    labels: { type: 'object', additionalProperties: true, minProperties: 1 },
    attributes: { type: 'object', additionalProperties: true },
    lines: {
      type: 'array',
      maxItems: 2,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['price'],
        properties: { price: { type: 'integer', minimum: 0 } },
      },
    },
  },
};
const check = validators.body(schema);
const good = { name: 'x', quantity: 1 };

describe('a body', () => {
  it('that is right passes, with its defaults', () => {
    const body: Record<string, unknown> = { ...good };
    expect(check(body)).toBeNull();
    expect(body['seconds']).toBe(30);
  });

  it.each([
    ['missing', { name: 'x' }, 'invalid_request', 'quantity', '`quantity` is required'],
    ['text', { ...good, quantity: '1' }, 'invalid_request', 'quantity', 'must be an integer'],
    ['a fraction', { ...good, quantity: 1.5 }, 'invalid_request', 'quantity', 'must be an integer'],
    ['zero', { ...good, quantity: 0 }, 'invalid_request', 'quantity', 'must be >= 1'],
    ['negative', { ...good, quantity: -1 }, 'invalid_request', 'quantity', '>= 1'],
    ['2^53', { ...good, quantity: 2 ** 53 }, 'invalid_request', 'quantity', '<= 9007199254740991'],
    ['endless', { ...good, quantity: Infinity }, 'invalid_request', 'quantity', 'integer'],
    ['null', { ...good, name: null }, 'invalid_request', 'name', 'must be a string'],
    ['long', { ...good, name: 'xxxxxx' }, 'invalid_request', 'name', 'at most 5'],
    ['no time', { ...good, at: 'noon' }, 'invalid_request', 'at', 'RFC 3339'],
    ['no form', { ...good, country: 'de' }, 'invalid_request', 'country', 'form, such as "DE"'],
    ['nothing', { ...good, labels: {} }, 'invalid_request', 'labels', 'at least one field'],
    ['no choice', { ...good, kind: 'c' }, 'invalid_request', 'kind', 'one of "a", "b"'],
    [
      'deep',
      { ...good, lines: [{ price: 1 }, {}] },
      'invalid_request',
      'lines.1.price',
      'required',
    ],
    [
      'deep unknown',
      { ...good, lines: [{ price: 1, x: 1 }] },
      'unknown_field',
      'lines.0.x',
      'known: price',
    ],
    ['unknown', { ...good, nmae: 1 }, 'unknown_field', 'nmae', 'under `attributes`'],
    ['unknown and missing', { nmae: 1 }, 'unknown_field', 'nmae', 'known: name, quantity'],
    ['constructor', { ...good, constructor: 1 }, 'unknown_field', 'constructor', 'not a known'],
  ])('with %s is refused', (_, body, code, param, words) => {
    const found = check(body);
    expect(found).toMatchObject({ code, param });
    expect(found?.detail).toContain(words);
  });

  it('of another type is refused as a whole', () => {
    for (const body of [[], null, 'x', 1, true]) {
      expect(check(body)).toMatchObject({ code: 'invalid_request' });
      expect(check(body)?.detail).toBe('the body must be an object');
    }
  });

  it('cannot bring a prototype', () => {
    const body = JSON.parse('{"name":"x","quantity":1,"__proto__":{"admin":true}}') as object;
    expect(check(body)).toMatchObject({ code: 'unknown_field', param: '__proto__' });
    expect(check(JSON.parse('{"__proto__":{"name":"x","quantity":1}}'))).not.toBeNull();
  });

  it('is told all that is wrong with it, up to a bound', () => {
    const errors = check({ name: '', quantity: 0, kind: 'c' })?.errors;
    expect(errors?.map((e) => e['param'])).toEqual(['name', 'quantity', 'kind']);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, 1]));
    expect(check(many)?.errors?.length).toBe(10);
  });

  it('of several forms is told about the one it comes nearest to', () => {
    const branch = (type: string, field: string): JsonSchema => ({
      type: 'object',
      additionalProperties: false,
      required: ['type', field],
      properties: { type: { const: type }, [field]: { type: 'string' } },
    });
    const either = validators.body({
      type: 'object',
      required: ['method'],
      properties: { method: { oneOf: [branch('a', 'x'), branch('b', 'y')] } },
      additionalProperties: false,
    });
    expect(either({ method: { type: 'a', x: 'q' } })).toBeNull();
    expect(either({ method: { type: 'a', x: 1 } })).toMatchObject({ code: 'invalid_request' });
  });
});

describe('a query', () => {
  const parameters = {
    type: 'object',
    additionalProperties: false,
    properties: {
      limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
      at_most: { type: 'number' },
      on_sale: { type: 'boolean' },
      state: { type: 'array', items: { enum: ['live', 'closed'] } },
      q: { type: 'string' },
    },
  };
  const query = validators.query(parameters);
  const kinds = parameterKinds(parameters);
  const read = (raw: string): Record<string, unknown> => {
    const parsed = parseQuery(raw, kinds);
    if ('problem' in parsed) throw new Error(parsed.problem.detail);
    return parsed.values;
  };

  it('is read by the types of its schema', () => {
    const values = read('limit=5&at_most=-1.50&on_sale=true&state=live&q=7');
    expect(query(values)).toBeNull();
    const expected = { limit: 5, at_most: -1.5, on_sale: true, state: ['live'], q: '7' };
    expect({ ...values }).toEqual(expected);
    const none = read('on_sale=false');
    expect(query(none)).toBeNull();
    expect({ ...none }).toEqual({ limit: 20, on_sale: false });
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=x', 'limit'],
    ['limit=1e1', 'limit'],
    ['limit=0x5', 'limit'],
    ['limit=+5', 'limit'],
    ['limit=%205', 'limit'],
    ['limit=5.', 'limit'],
    ['limit=true', 'limit'],
    ['limit=9007199254740993', 'limit'],
    ['at_most=1e400', 'at_most'],
    ['at_most=Infinity', 'at_most'],
    ['at_most=NaN', 'at_most'],
    ['at_most=.5', 'at_most'],
    ['on_sale=yes', 'on_sale'],
    ['on_sale=1', 'on_sale'],
    ['on_sale=', 'on_sale'],
    ['state=open', 'state.0'],
    ['other=1', 'other'],
    ['__proto__=1', '__proto__'],
  ])('%j is refused', (raw, param) => {
    expect(query(read(raw))).toMatchObject({ param });
  });
});

describe('schemas', () => {
  it('get bounds for their integers, but not over their own', () => {
    expect(prepared({ type: 'integer' })).toMatchObject({ maximum: Number.MAX_SAFE_INTEGER });
    expect(prepared({ type: ['integer', 'null'], maximum: 7 })).toMatchObject({ maximum: 7 });
    const inner = prepared({ type: 'array', items: { type: 'integer' } })['items'];
    expect(inner).toHaveProperty('minimum');
  });

  it('are known to be open or closed', () => {
    const closed = { type: 'object', additionalProperties: false, properties: {} };
    expect(isOpen(closed)).toBe(false);
    expect(isOpen({ ...closed, properties: { a: { type: 'string' } } })).toBe(false);
    expect(isOpen({ ...closed, properties: { a: { type: 'object' } } })).toBe(true);
    expect(isOpen({ ...closed, properties: { a: {} } })).toBe(true);
    expect(isOpen({ ...closed, properties: { a: { type: 'array' } } })).toBe(true);
    expect(isOpen(schema)).toBe(true);
  });

  it('that are wrong stop the start', () => {
    expect(() => validators.body({ type: 'object', propertys: {} })).toThrow(/propertys/);
    expect(() => validators.body({ type: 'string', format: 'colour' })).toThrow(/colour/);
  });
});
