// What was read before is found again, shared by many and therefore frozen, and never grows for ever.
import { describe, expect, it } from 'vitest';
import { bindRoute } from '../../../platform/http/bound.ts';
import { checkBody, checkParams } from '../../../platform/http/checks.ts';
import type { Checked } from '../../../platform/http/checks.ts';
import { Known } from '../../../platform/http/known.ts';
import type { Route } from '../../../platform/http/route.ts';
import { Validators } from '../../../platform/http/validate.ts';

describe('Known', () => {
  it('gives back what was kept, frozen', () => {
    const known = new Known<object>();
    const value = { quantity: 1 };
    known.keep('a', value);
    expect(known.get('a')).toBe(value);
    expect(Object.isFrozen(known.get('a'))).toBe(true);
    expect(known.get('b')).toBeUndefined();
  });

  it('keeps no long text, and forgets the others when there are too many', () => {
    const known = new Known<object>();
    known.keep('x'.repeat(129), {});
    expect(known.get('x'.repeat(129))).toBeUndefined();
    for (let i = 0; i <= 256; i += 1) known.keep(String(i), { i });
    expect(known.get('0')).toBeUndefined();
    expect(known.get('256')).toEqual({ i: 256 });
  });
});

const route = (hot: boolean): Route => ({
  id: `knownTest${String(hot)}`,
  method: 'POST',
  path: '/v1/things/{id}',
  half: 'sale',
  hot,
  auth: 'public',
  summary: '',
  params: {
    type: 'object',
    properties: { id: { type: 'string', pattern: '^[a-z]{3}$' } },
    required: ['id'],
  },
  body: {
    type: 'object',
    properties: { quantity: { type: 'integer', minimum: 1, default: 2 } },
    additionalProperties: false,
  },
  idempotencyKey: 'none',
  responses: {},
  errors: [],
  handle: () => undefined,
});

describe.each([true, false])('a route that is hot: %s', (hot) => {
  const bound = bindRoute(route(hot), new Validators());
  const asked = (bodyText: string): Checked => ({
    params: {},
    query: {},
    body: undefined,
    bodyText,
    idempotencyKey: '',
  });
  const body = (text: string, type = 'application/json') => {
    const into = asked(text);
    const bad = checkBody(into, bound, Buffer.byteLength(text), type, true);
    return bad === null ? into.body : bad.code;
  };
  const params = (raw: string) => {
    const into = asked('');
    const bad = checkParams(into, bound, [raw]);
    return bad === null ? into.params : bad.code;
  };

  it('answers the second time as the first', () => {
    for (let time = 0; time < 2; time += 1) {
      expect(body('{"quantity":3}')).toEqual({ quantity: 3 });
      expect(body('{}')).toEqual({ quantity: 2 });
      expect(body('{"quantity":0}')).toBe('invalid_request');
      expect(body('{"quantity":3,"a":1}')).toBe('unknown_field');
      expect(body('{"quantity":3')).toBe('invalid_request');
      expect(body('')).toEqual({ quantity: 2 });
      expect(params('abc')).toEqual({ id: 'abc' });
      expect(params('a%62c')).toEqual({ id: 'abc' });
      expect(params('abcd')).toBe('not_found');
      expect(params('%zz')).toBe('invalid_request');
    }
  });

  it('looks at what else came with a text that it knows', () => {
    expect(body('{"quantity":3}')).toEqual({ quantity: 3 });
    expect(body('')).toEqual({ quantity: 2 });
    // What is no UTF-8 has bytes, but no text.
    expect(checkBody(asked(''), bound, 3, 'application/json', false)?.code).toBe('invalid_request');
    expect(body('{"quantity":3}', 'text/plain')).toBe('unsupported_media_type');
    expect(body('{"quantity":3}', 'application/json; charset=utf-8')).toEqual({ quantity: 3 });
  });
});
