/**
 * Shoppers' tokens: JWTs under HS256 by the secret of this deployment, and by nothing else. The
 * algorithm is fixed here and never taken from a token; issuer, audience and expiry are checked.
 */
import { createSigner, createVerifier } from 'fast-jwt';
import type { Identity } from '../platform/http/route.ts';
import type { Millis, ShopperId } from '../engine/index.ts';

export interface TokenRules {
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
}

export interface VerifiedToken {
  readonly identity: Identity;
  readonly expiresAt: Millis;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Millis;
}

export const sessionMs = 12 * 3_600_000;
const algorithm = 'HS256';
const shopperPattern = /^[A-Za-z0-9_.:-]{1,64}$/;

/**
 * Three parts of base64url, the last one 32 bytes in their one spelling: decoders overlook two of its
 * bits, and a token changed in any bit is not ours.
 */
const tokenPattern = /^[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]$/;

/** Null for a token that is not ours, not valid, or not valid any more. 10–20 µs. */
export type VerifyToken = (token: string) => VerifiedToken | null;

export function tokenVerifier(rules: TokenRules): VerifyToken {
  const verify = createVerifier<string>({
    key: rules.secret,
    algorithms: [algorithm],
    allowedIss: rules.issuer,
    allowedAud: rules.audience,
    requiredClaims: ['sub', 'iss', 'aud', 'exp'],
    cache: false,
  });
  return (token) => {
    if (!tokenPattern.test(token)) return null;
    let claims: Readonly<Record<string, unknown>>;
    try {
      claims = verify(token) as Readonly<Record<string, unknown>>;
    } catch {
      // Malformed, forged, expired or for somebody else: all the same to the caller.
      return null;
    }
    const { sub, exp, guest } = claims;
    if (typeof sub !== 'string' || !shopperPattern.test(sub)) return null;
    if (typeof exp !== 'number') return null;
    return {
      identity: { kind: 'shopper', shopper: sub, verified: guest !== true },
      expiresAt: exp * 1000,
    };
  };
}

/** Signs a token of 12 hours. */
export type IssueToken = (shopper: ShopperId, guest: boolean, now: Millis) => IssuedToken;

export function tokenIssuer(rules: TokenRules): IssueToken {
  const sign = createSigner({
    key: rules.secret,
    algorithm,
    iss: rules.issuer,
    aud: rules.audience,
  });
  return (shopper, guest, now) => {
    const iat = Math.floor(now / 1000);
    const exp = iat + sessionMs / 1000;
    const claims = { sub: shopper, iat, exp };
    return { token: sign(guest ? { ...claims, guest: true } : claims), expiresAt: exp * 1000 };
  };
}
