// Who gets in: only tokens by our secret and algorithm, in time, for us; only known keys.
import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authenticator } from '../../../api/auth.ts';
import type { AuthOptions } from '../../../api/auth.ts';
import { TokenMemory } from '../../../api/token-memory.ts';
import { sessionMs, tokenIssuer } from '../../../api/tokens.ts';
import { tokenVerifier } from '../../../platform/tokens.ts';

const rules = { secret: 'x'.repeat(64), issuer: 'highnoon', audience: 'shop' };
const now = Date.now();
const seconds = Math.floor(now / 1000);

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token made by hand, so that nothing about it is anybody's default. */
function handmade(
  claims: object,
  header: object = { alg: 'HS256', typ: 'JWT' },
  secret = rules.secret,
) {
  const input = `${encode(header)}.${encode(claims)}`;
  const { alg } = header as { alg?: string };
  if (alg === 'none') return `${input}.`;
  const hash = alg === 'HS512' ? 'sha512' : alg === 'HS384' ? 'sha384' : 'sha256';
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

const fine = { sub: 'ann', iss: 'highnoon', aud: 'shop', exp: seconds + 60, iat: seconds };

function authenticate(options: Partial<AuthOptions> = {}) {
  return authenticator({
    verify: tokenVerifier(rules),
    vendorOfKey: (key) => Promise.resolve(key === `hnk_${'a'.repeat(40)}` ? 'ven_1' : null),
    now: () => now,
    ...options,
  });
}

const codeOf = (result: unknown): unknown => (result as { code?: string }).code;

describe('a shopper’s token', () => {
  it('is taken when it is made by hand and well', () => {
    expect(authenticate()(`Bearer ${handmade(fine)}`, 'shopper')).toEqual({
      kind: 'shopper',
      shopper: 'ann',
      verified: true,
    });
  });

  it('of a guest says so', () => {
    const { token } = tokenIssuer(rules)('gst_1', true, now);
    expect(authenticate()(`Bearer ${token}`, 'shopper')).toEqual({
      kind: 'shopper',
      shopper: 'gst_1',
      verified: false,
    });
  });

  it('is found in any case of the scheme', () => {
    expect(authenticate()(`bearer ${handmade(fine)}`, 'shopper')).toHaveProperty('shopper', 'ann');
  });

  const { exp: _exp, ...withoutExp } = fine;
  const { sub: _sub, ...withoutSub } = fine;
  const { iss: _iss, ...withoutIss } = fine;
  const { aud: _aud, ...withoutAud } = fine;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rsaInput = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(fine)}`;
  const rsa = signBytes('sha256', Buffer.from(rsaInput), privateKey).toString('base64url');
  const whole = handmade(fine);
  const [head = '', claims = '', signature = ''] = whole.split('.');

  const bad: Readonly<Record<string, string>> = {
    nothing: '',
    'no scheme': whole,
    'another scheme': `Basic ${whole}`,
    'two tokens': `Bearer ${whole} ${whole}`,
    garbage: 'Bearer x.y.z',
    'a word': 'Bearer abc',
    'no signature': `Bearer ${head}.${claims}.`,
    'two parts': `Bearer ${head}.${claims}`,
    'a changed claim': `Bearer ${head}.${encode({ ...fine, sub: 'bob' })}.${signature}`,
    'a changed signature': `Bearer ${head}.${claims}.${signature.slice(0, -4)}AAAA`,
    'alg none': `Bearer ${handmade(fine, { alg: 'none' })}`,
    'alg NONE with a signature': `Bearer ${encode({ alg: 'NONE' })}.${claims}.${signature}`,
    'alg HS512': `Bearer ${handmade(fine, { alg: 'HS512' })}`,
    'alg RS256': `Bearer ${rsaInput}.${rsa}`,
    'no alg': `Bearer ${handmade(fine, { typ: 'JWT' })}`,
    'a critical header': `Bearer ${handmade(fine, { alg: 'HS256', crit: ['x'], x: 1 })}`,
    'another secret': `Bearer ${handmade(fine, { alg: 'HS256' }, 'y'.repeat(64))}`,
    expired: `Bearer ${handmade({ ...fine, exp: seconds - 1 })}`,
    'not yet': `Bearer ${handmade({ ...fine, nbf: seconds + 60 })}`,
    'no expiry': `Bearer ${handmade(withoutExp)}`,
    'expiry as text': `Bearer ${handmade({ ...fine, exp: '9999999999' })}`,
    'no subject': `Bearer ${handmade(withoutSub)}`,
    'an empty subject': `Bearer ${handmade({ ...fine, sub: '' })}`,
    'a subject with a space': `Bearer ${handmade({ ...fine, sub: 'a b' })}`,
    'a long subject': `Bearer ${handmade({ ...fine, sub: 'a'.repeat(65) })}`,
    'a number as subject': `Bearer ${handmade({ ...fine, sub: 7 })}`,
    'another issuer': `Bearer ${handmade({ ...fine, iss: 'else' })}`,
    'no issuer': `Bearer ${handmade(withoutIss)}`,
    'another audience': `Bearer ${handmade({ ...fine, aud: 'else' })}`,
    'no audience': `Bearer ${handmade(withoutAud)}`,
    'a huge token': `Bearer ${handmade({ ...fine, more: 'x'.repeat(5000) })}`,
    'an API key': `Bearer hnk_${'a'.repeat(40)}`,
    'claims that are no object': `Bearer ${handmade([1])}`,
  };

  it.each(Object.entries(bad))('with %s is no identity', (_what, header) => {
    const memory = new TokenMemory();
    const result = authenticate({ memory })(header === '' ? undefined : header, 'shopper');
    expect(codeOf(result)).toBe('unauthenticated');
    expect(result).toHaveProperty('headers', { 'www-authenticate': 'Bearer' });
    expect(memory.size).toBe(0);
  });

  it('changed in any one bit is no identity', () => {
    const ask = authenticate();
    const bytes = Buffer.from(whole);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const result = ask(`Bearer ${changed.toString('latin1')}`, 'shopper');
      expect({ bit, code: codeOf(result) }).toEqual({ bit, code: 'unauthenticated' });
    }
  });

  it('has one spelling', () => {
    const ask = authenticate();
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(signature.charAt(42));
    for (const more of [1, 2, 3]) {
      const same = `${head}.${claims}.${signature.slice(0, -1)}${alphabet.charAt(last + more)}`;
      expect(Buffer.from(same.slice(-43), 'base64url')).toEqual(
        Buffer.from(signature, 'base64url'),
      );
      expect(codeOf(ask(`Bearer ${same}`, 'shopper'))).toBe('unauthenticated');
    }
    expect(codeOf(ask(`Bearer ${whole}=`, 'shopper'))).toBe('unauthenticated');
  });

  it('is verified once, and remembered no longer than it lives', () => {
    let verified = 0;
    let at = now;
    const inner = tokenVerifier(rules);
    const ask = authenticate({
      verify: (token) => {
        verified += 1;
        return inner(token);
      },
      now: () => at,
    });
    const header = `Bearer ${handmade(fine)}`;
    expect(ask(header, 'shopper')).toBe(ask(header, 'shopper'));
    expect(verified).toBe(1);
    at = fine.exp * 1000 - 1;
    expect(ask(header, 'shopper')).toHaveProperty('shopper', 'ann');
    at = fine.exp * 1000;
    expect(codeOf(ask(header, 'shopper'))).toBe('unauthenticated');
  });

  it('is verified once for all who spell its scheme differently', () => {
    let verified = 0;
    const inner = tokenVerifier(rules);
    const ask = authenticate({
      verify: (token) => {
        verified += 1;
        return inner(token);
      },
    });
    const token = handmade(fine);
    for (const scheme of ['bearer', 'Bearer', 'bearer', 'BEARER ', 'Bearer']) {
      expect(ask(`${scheme} ${token} `, 'shopper')).toHaveProperty('shopper', 'ann');
      expect(ask(`${scheme} ${token}`, 'shopper')).toHaveProperty('shopper', 'ann');
    }
    expect(verified).toBe(1);
  });

  it('lives twelve hours', () => {
    const { token, expiresAt } = tokenIssuer(rules)('ann', false, now);
    expect(expiresAt).toBe(seconds * 1000 + sessionMs);
    expect(tokenVerifier(rules)(token)?.expiresAt).toBe(expiresAt);
  });
});

describe('a vendor’s key', () => {
  it('is looked up', async () => {
    const found = await authenticate()(`Bearer hnk_${'a'.repeat(40)}`, 'vendor');
    expect(found).toEqual({ kind: 'vendor', vendor: 'ven_1' });
  });

  it.each([
    ['nothing', undefined],
    ['a shopper’s token', `Bearer ${handmade(fine)}`],
    ['an unknown key', `Bearer hnk_${'b'.repeat(40)}`],
    ['a malformed key', 'Bearer hnk_a b'],
    ['a key with odd characters', `Bearer hnk_${'a'.repeat(39)}%`],
    ['a huge key', `Bearer hnk_${'a'.repeat(400)}`],
    ['a short key', 'Bearer hnk_'],
    ['another scheme', `Basic hnk_${'a'.repeat(40)}`],
  ])('with %s is no identity', async (_what, header) => {
    expect(codeOf(await authenticate()(header, 'vendor'))).toBe('unauthenticated');
  });

  it('that is malformed is never looked up', async () => {
    let asked = 0;
    const ask = authenticate({
      vendorOfKey: () => {
        asked += 1;
        return Promise.resolve('ven_1');
      },
    });
    await ask('Bearer hnk_%%%%%%%%%%%%', 'vendor');
    expect(asked).toBe(0);
  });
});
