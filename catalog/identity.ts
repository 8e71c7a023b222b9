/**
 * Who asks, from a shopper's token: checked here and not by the api, because the window must work
 * with the api dead. The secret is the development issuer's, made at set-up and kept in Postgres.
 */
import { createVerifier } from 'fast-jwt';
import { Fault, isRetryable } from '../platform/fault.ts';
import { problem } from '../platform/http/problems.ts';
import type { ProblemInput } from '../platform/http/problems.ts';
import type { Identity } from '../platform/http/route.ts';
import type { Query } from '../platform/postgres/pool.ts';
import { notYetMigrated } from './schema-wait.ts';
import type { Shopper } from './shopper.ts';

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
}

type Authenticate = (authorization: string | undefined) => Promise<Identity | ProblemInput>;
type Verify = (token: string) => unknown;

const bearerPattern = /^Bearer +(\S{1,4096}) *$/i;
const shopperPattern = /^[A-Za-z0-9_.:-]{1,64}$/;
const challenge = { 'www-authenticate': 'Bearer' };
const noToken = problem('unauthenticated', 'Send a shopper’s token: Authorization: Bearer <JWT>.', {
  headers: challenge,
});
const badToken = problem('unauthenticated', 'The token is not valid, or not any more.', {
  headers: challenge,
});
const rememberedTokensMax = 10_000;
const secretText = `SELECT value FROM platform.settings WHERE name = 'token_secret'`;

export interface Identities {
  readonly authenticate: Authenticate;
  /** Null when the token is not valid; throws a retryable Fault when that cannot be said now. */
  readonly shopperOfToken: (token: string) => Promise<Shopper | null>;
}

/** The secret is read when the first token comes, and again until it could be read. */
export function createIdentities(q: Query, rules: TokenRules): Identities {
  let verify: Verify | null = null;
  const identify = async (token: string): Promise<Identity | ProblemInput> => {
    try {
      verify ??= await readVerifier(q, rules);
    } catch (error) {
      throw notYetMigrated(error);
    }
    return identityOf(verify, token);
  };
  return {
    async authenticate(authorization) {
      const token = bearerPattern.exec(authorization ?? '')?.[1];
      if (token === undefined) return noToken;
      try {
        return await identify(token);
      } catch (error) {
        if (!isRetryable(error)) throw error;
        return problem('unavailable', 'Tokens cannot be checked now.', { retryAfterMs: 1000 });
      }
    },
    async shopperOfToken(token) {
      const identity = await identify(token);
      if (!('kind' in identity) || identity.kind !== 'shopper') return null;
      return { id: identity.shopper, verified: identity.verified };
    },
  };
}

async function readVerifier(q: Query, rules: TokenRules): Promise<Verify> {
  const [row] = await q.query<{ value: string }>(secretText);
  if (row === undefined) throw new Fault('postgres', 'not set up yet', { retryable: true });
  return createVerifier({
    key: row.value,
    algorithms: ['HS256'],
    allowedIss: rules.issuer,
    allowedAud: rules.audience,
    requiredClaims: ['sub', 'exp'],
    cache: rememberedTokensMax,
  }) as Verify;
}

function identityOf(verify: Verify, token: string): Identity | ProblemInput {
  try {
    const { sub, guest } = verify(token) as Readonly<Record<string, unknown>>;
    if (typeof sub !== 'string' || !shopperPattern.test(sub)) return badToken;
    return { kind: 'shopper', shopper: sub, verified: guest !== true };
  } catch {
    // Forged, expired, for somebody else, or no token at all: the answer is the same.
    return badToken;
  }
}
