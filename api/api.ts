/** What every handler is made with. */
import type { Engine, Millis } from '../engine/index.ts';
import { AssertionFailed } from '../platform/fault.ts';
import type { Ctx } from '../platform/http/route.ts';
import type { TokenMemory } from './token-memory.ts';
import type { IssueToken } from './tokens.ts';

export interface Api {
  readonly engine: Engine;
  /** The one currency of this deployment. */
  readonly currency: string;
  /** Opens the issuer of tokens, the creation of vendors and the test payment. */
  readonly development: boolean;
  readonly holdSecondsDefault: number;
  readonly issue: IssueToken;
  /** What is issued here need not be verified when it comes back. */
  readonly memory: TokenMemory;
  /** This process's clock: for bounds of a request and where no lane was asked. */
  readonly now: () => Millis;
}

export interface Shopper {
  readonly kind: 'shopper';
  readonly shopper: string;
  readonly verified: boolean;
}

/** A shopper's command, however it came: `id` = what it is about, `key` = its Idempotency-Key. */
export interface Command extends Shopper {
  readonly id: string;
  readonly key: string;
}

/** The caller of a shopper's route. */
export function shopperOf(ctx: Ctx): Shopper {
  const { identity } = ctx;
  if (identity?.kind === 'shopper') return identity;
  throw new AssertionFailed(`${ctx.route.id} has no shopper`);
}

/** The caller of a vendor's route. */
export function vendorOf(ctx: Ctx): string {
  const { identity } = ctx;
  if (identity?.kind === 'vendor') return identity.vendor;
  throw new AssertionFailed(`${ctx.route.id} has no vendor`);
}
