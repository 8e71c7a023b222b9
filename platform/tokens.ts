/**
 * Shoppers' tokens: JWTs under HS256 by the secret of this deployment, and by nothing else. The
 * algorithm is fixed here and never taken from a token; issuer, audience and expiry are checked. Both
 * halves verify for themselves: the window must work with the api dead.
 */
import { createVerifier } from 'fast-jwt';
import type { Identity } from './http/route.ts';

export interface TokenRules {
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
}

export type ShopperIdentity = Extract<Identity, { kind: 'shopper' }>;

export interface VerifiedToken {
  readonly identity: ShopperIdentity;
  /** Milliseconds since 1970 UTC. */
  readonly expiresAt: number;
}

export const tokenAlgorithm = 'HS256';
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
    algorithms: [tokenAlgorithm],
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
