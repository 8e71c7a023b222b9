/** The development issuer of shoppers' tokens. */
import { createSigner } from 'fast-jwt';
import type { Millis, ShopperId } from '../engine/index.ts';
import { tokenAlgorithm } from '../platform/tokens.ts';
import type { TokenRules } from '../platform/tokens.ts';

export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Millis;
}

export const sessionMs = 12 * 3_600_000;

/** Signs a token of 12 hours. */
export type IssueToken = (shopper: ShopperId, guest: boolean, now: Millis) => IssuedToken;

export function tokenIssuer(rules: TokenRules): IssueToken {
  const sign = createSigner({
    key: rules.secret,
    algorithm: tokenAlgorithm,
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
