/**
 * Who asks, from a shopper's token: checked here and not by the api, because the window must work
 * with the api dead. The secret is the development issuer's, made at set-up and kept in Postgres.
 */
import { Fault, isRetryable } from '../platform/fault.ts';
import { problem } from '../platform/http/problems.ts';
import type { ProblemInput } from '../platform/http/problems.ts';
import type { Identity } from '../platform/http/route.ts';
import type { Query } from '../platform/postgres/pool.ts';
import { tokenVerifier } from '../platform/tokens.ts';
import type { ShopperIdentity, TokenRules, VerifyToken } from '../platform/tokens.ts';
import { notYetMigrated } from './schema-wait.ts';
import type { Shopper } from './shopper.ts';

type Authenticate = (authorization: string | undefined) => Promise<Identity | ProblemInput>;

const bearerPattern = /^Bearer +(\S{1,4096}) *$/i;
const challenge = { 'www-authenticate': 'Bearer' };
const noToken = problem('unauthenticated', 'Send a shopper’s token: Authorization: Bearer <JWT>.', {
  headers: challenge,
});
const badToken = problem('unauthenticated', 'The token is not valid, or not any more.', {
  headers: challenge,
});
const secretText = `SELECT value FROM platform.settings WHERE name = 'token_secret'`;

export interface Identities {
  readonly authenticate: Authenticate;
  /** Null when the token is not valid; throws a retryable Fault when that cannot be said now. */
  readonly shopperOfToken: (token: string) => Promise<Shopper | null>;
}

/** The secret is read when the first token comes, and again until it could be read. */
export function createIdentities(q: Query, rules: Omit<TokenRules, 'secret'>): Identities {
  let verify: VerifyToken | null = null;
  const identify = async (token: string): Promise<ShopperIdentity | null> => {
    try {
      verify ??= await readVerifier(q, rules);
    } catch (error) {
      throw notYetMigrated(error);
    }
    return verify(token)?.identity ?? null;
  };
  return {
    async authenticate(authorization) {
      const token = bearerPattern.exec(authorization ?? '')?.[1];
      if (token === undefined) return noToken;
      try {
        return (await identify(token)) ?? badToken;
      } catch (error) {
        if (!isRetryable(error)) throw error;
        return problem('unavailable', 'Tokens cannot be checked now.', { retryAfterMs: 1000 });
      }
    },
    async shopperOfToken(token) {
      const identity = await identify(token);
      if (identity === null) return null;
      return { id: identity.shopper, verified: identity.verified };
    },
  };
}

async function readVerifier(q: Query, rules: Omit<TokenRules, 'secret'>): Promise<VerifyToken> {
  const [row] = await q.query<{ value: string }>(secretText);
  if (row === undefined) throw new Fault('postgres', 'not set up yet', { retryable: true });
  return tokenVerifier({ ...rules, secret: row.value });
}
