/** Text from outside: UTF-8, escapes, keys, what JSON lets through. */
import { describe, expect, it } from 'vitest';
import { isSaneRequestId, readIdempotencyKey, requestIds } from '../../../platform/http/keys.ts';
import { emptyQuery, parseQuery } from '../../../platform/http/query.ts';
import type { ParameterKinds } from '../../../platform/http/query.ts';
import { badValue, decodePercent, decodeUtf8 } from '../../../platform/http/text.ts';

const bytes = (...list: number[]): Buffer => Buffer.from(list);

describe('UTF-8', () => {
  it('is read', () => {
    expect(decodeUtf8(Buffer.from('añ€😀\ufffd'))).toBe('añ€😀\ufffd');
    expect(decodeUtf8(Buffer.alloc(0))).toBe('');
  });

  it.each([
    ['a lone continuation', bytes(0x80)],
    ['an overlong slash', bytes(0xc0, 0xaf)],
    ['a surrogate', bytes(0xed, 0xa0, 0x80)],
    ['a cut sequence', bytes(0x61, 0xe2, 0x82)],
    ['beyond Unicode', bytes(0xf4, 0x90, 0x80, 0x80)],
  ])('is refused with %s', (_, input) => {
    expect(decodeUtf8(input)).toBeUndefined();
  });

  it('is refused in escapes too', () => {
    expect(decodePercent('a%20b')).toBe('a b');
    for (const text of ['%', '%z', '%zz', '%c0%af', '%ed%a0%80', '%e2%82']) {
      expect(decodePercent(text)).toBeUndefined();
    }
  });
});

describe('a JSON value', () => {
  it.each([
    ['NUL', '{"a":"x\\u0000"}', 'a'],
    ['NUL in a name', '{"a\\u0000":1}', ''],
    ['half a surrogate pair', '{"a":[{"b":"\\ud800"}]}', 'a.0.b'],
    ['an endless number', '{"a":[1,1e400]}', 'a.1'],
    ['__proto__', '{"a":{"__proto__":{"x":1}}}', 'a'],
  ])('is refused with %s', (_, json, param) => {
    expect(badValue(JSON.parse(json))).toMatchObject({ param });
  });

  it('may be anything else', () => {
    const json = '{"a":[null,true,-0,1.5,"\\u00e9\\ud83d\\ude00"],"constructor":{"b":{}}}';
    expect(badValue(JSON.parse(json))).toBeNull();
  });

  it('is not followed for ever', () => {
    const deep = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as unknown;
    expect(badValue(deep)?.detail).toMatch(/nested/);
  });
});

describe('an Idempotency-Key', () => {
  it.each([
    ['', ''],
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['a b', 'a b'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
  ])('%j is %j', (raw, key) => {
    expect(readIdempotencyKey(raw)).toBe(key);
  });

  it.each(['""', '"abc', '"a"b"', '"a\\n"', 'x'.repeat(256), 'ké', 'a\u0001', 'a\u007f'])(
    '%j is malformed',
    (raw) => {
      expect(readIdempotencyKey(raw)).toBeUndefined();
    },
  );
});

describe('a request id', () => {
  it('is taken when it is harmless', () => {
    expect(['abc', '0-9:a.b_c', 'x'.repeat(64)].every(isSaneRequestId)).toBe(true);
    expect(['', 'a b', 'a"b', 'a\nb', 'x'.repeat(65)].some(isSaneRequestId)).toBe(false);
  });

  it('is made unique, of one length', () => {
    const next = requestIds('p-');
    const ids = Array.from({ length: 5000 }, next);
    expect(new Set(ids).size).toBe(5000);
    expect(new Set(ids.map((id) => id.length)).size).toBe(1);
    expect(ids.every(isSaneRequestId)).toBe(true);
  });
});

describe('a query', () => {
  const none: ParameterKinds = new Map();
  const values = (raw: string, kinds = none): unknown => {
    const parsed = parseQuery(raw, kinds);
    return 'problem' in parsed ? parsed.problem.code : { ...parsed.values };
  };

  it('is read', () => {
    expect(values('')).toEqual({});
    expect(values('a=1&b=&c&d=x+y%2Bz&%61b=2')).toEqual({
      a: '1',
      b: '',
      c: '',
      d: 'x y+z',
      ab: '2',
    });
    expect(values('s=a,b&s=c', new Map([['s', 'list']]))).toEqual({ s: ['a', 'b', 'c'] });
  });

  it.each(['a=1&a=2', 'a=%zz', '%zz=1', 'a=%00', 'a=%c0%af', '&'.repeat(100)])(
    '%j is refused',
    (raw) => {
      expect(values(raw)).toBe('invalid_request');
    },
  );

  it('has no prototype to pollute', () => {
    const parsed = parseQuery('__proto__=x&constructor=y', none);
    expect('values' in parsed && Object.keys(parsed.values)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(emptyQuery)).toBeNull();
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
