/**
 * Who asks: a shopper by a JWT, decided at once; a vendor by an API key, looked up. The one where
 * the other is needed is no identity at all (401).
 */
import { problem } from '../platform/http/problems.ts';
import type { AuthResult, Identity } from '../platform/http/route.ts';
import type { VerifyToken } from '../platform/tokens.ts';
import type { Millis, VendorId } from '../engine/index.ts';
import { TokenMemory } from './token-memory.ts';
import type { Remembered } from './token-memory.ts';

export type Authenticate = (
  authorization: string | undefined,
  need: 'vendor' | 'shopper',
) => AuthResult | Promise<AuthResult>;

/** Who a bearer is, and until when (null = for good); null = nobody. */
export type Identify = (
  token: string,
) => Remembered | Named | null | Promise<Remembered | Named | null>;

interface Named {
  readonly identity: Identity;
  readonly expiresAt: null;
}

export interface AuthOptions {
  readonly verify: VerifyToken;
  readonly vendorOfKey: (key: string) => Promise<VendorId | null>;
  readonly now?: () => Millis;
  readonly memory?: TokenMemory;
}

const tokenMaxLength = 4096;
const keyPattern = /^hnk_[A-Za-z0-9_-]{8,200}$/;
const schemePattern = /^Bearer +([^\s]+) *$/i;
const challenge = { 'www-authenticate': 'Bearer' };

const noToken = problem('unauthenticated', 'Send a shopper’s token: Authorization: Bearer <JWT>.', {
  headers: challenge,
});
const badToken = problem('unauthenticated', 'The token is not valid, or not any more.', {
  headers: challenge,
});
const noKey = problem('unauthenticated', 'Send an API key: Authorization: Bearer hnk_….', {
  headers: challenge,
});
const badKey = problem('unauthenticated', 'The API key is not known, or revoked.', {
  headers: challenge,
});

export function authenticator(options: AuthOptions): Authenticate {
  const { verify, vendorOfKey } = options;
  const now = options.now ?? Date.now;
  const memory = options.memory ?? new TokenMemory();

  // The whole header is the key: cutting the token out of it would cost more than finding it.
  function shopper(authorization: string): AuthResult {
    const at = now();
    const known = memory.get(authorization, at);
    if (known !== undefined) return known.identity;
    const token = bearer(authorization);
    if (token === undefined || token.startsWith('hnk_')) return noToken;
    // One spelling is remembered: several would take each other's place.
    const usual = headerOf(token);
    if (authorization !== usual) return shopper(usual);
    const verified = token.length > tokenMaxLength ? null : verify(token);
    if (verified === null || verified.expiresAt <= at) return badToken;
    memory.set(authorization, verified);
    return verified.identity;
  }

  async function vendor(authorization: string): Promise<AuthResult> {
    const key = bearer(authorization);
    if (key === undefined) return noKey;
    if (!keyPattern.test(key)) return key.startsWith('hnk_') ? badKey : noKey;
    const found = await vendorOfKey(key);
    if (found === null) return badKey;
    const identity: Identity = { kind: 'vendor', vendor: found };
    return identity;
  }

  return (authorization, need) => {
    if (need === 'shopper') return authorization === undefined ? noToken : shopper(authorization);
    return authorization === undefined ? noKey : vendor(authorization);
  };
}

/** Whether it has the form of a vendor's key: who it is has to be looked up. */
export const isVendorKey = (token: string): boolean => keyPattern.test(token);

/** For the socket, where either may come: a shopper's token, decided at once, or a vendor's key. */
export function identifier(options: AuthOptions): Identify {
  const { verify, vendorOfKey } = options;
  const now = options.now ?? Date.now;
  const memory = options.memory ?? new TokenMemory();

  async function vendor(key: string): Promise<Named | null> {
    const found = await vendorOfKey(key);
    return found === null ? null : { identity: { kind: 'vendor', vendor: found }, expiresAt: null };
  }

  return (token) => {
    if (token.startsWith('hnk_')) return keyPattern.test(token) ? vendor(token) : null;
    const at = now();
    const header = headerOf(token);
    const known = memory.get(header, at);
    if (known !== undefined) return known;
    const verified = token.length > tokenMaxLength ? null : verify(token);
    if (verified === null || verified.expiresAt <= at) return null;
    memory.set(header, verified);
    return verified;
  };
}

const headerOf = (token: string): string => `Bearer ${token}`;

function bearer(authorization: string): string | undefined {
  return schemePattern.exec(authorization)?.[1];
}
