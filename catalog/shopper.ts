/** The caller of a shopper's route. */
import { AssertionFailed } from '../platform/fault.ts';
import type { Ctx } from '../platform/http/route.ts';

export interface Shopper {
  readonly id: string;
  /** False for a guest. */
  readonly verified: boolean;
}

export function shopperOf(ctx: Ctx): Shopper {
  const { identity } = ctx;
  if (identity?.kind !== 'shopper') throw new AssertionFailed(`${ctx.route.id} has no shopper`);
  return { id: identity.shopper, verified: identity.verified };
}
