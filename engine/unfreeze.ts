/**
 * Ends the freeze of a single sale, which a fault inside a script began. Before it, the sale is
 * recounted from its raw keys and compared with Postgres; nothing of a frozen sale changes
 * meanwhile, and the script takes no other fault than the one that it was recounted under.
 */
import type { Redis } from '../platform/redis/connection.ts';
import { runScript, type Script } from '../platform/redis/scripts.ts';
import { audit } from './audit/audit.ts';
import type { AuditStores } from './audit/audit-lane.ts';
import type { CheckName, Violation } from './audit/findings.ts';
import { laneOfId } from './domain/ids.ts';
import type { SaleId } from './domain/types.ts';
import { packHeader, unpack } from './lanes/codec.ts';
import { refusalOf, status } from './lanes/codes.ts';
import { laneKeys, pushSaleKeys } from './lanes/keys.ts';

export interface UnfreezeOptions {
  readonly stores: AuditStores;
  /** lua/unfreeze.lua */
  readonly script: Script;
  /** So long it waits until what the lane has decided has settled. */
  readonly waitMs: number;
  readonly say: (line: string) => void;
}

/** What became of it. `faulted` = another fault has happened since it was recounted. */
export type Unfrozen =
  | { readonly kind: 'thawed'; readonly fault: string }
  | { readonly kind: 'not_frozen' | 'no_sale' }
  | { readonly kind: 'wrong'; readonly violations: readonly Violation[] }
  | { readonly kind: 'faulted' | 'unreadable' | 'lane_shut'; readonly why: string };

/** What must hold of a sale before it serves again. */
const needed: ReadonlySet<CheckName> = new Set([
  'lane.open',
  'lane.records',
  'lane.conservation',
  'lane.counters',
  'lane.unique',
  'lane.limits',
  'lane.deadlines',
  'match.orders',
  'match.sales',
  'match.details',
]);

/** Why a sale is frozen; '' = it is not; null = its lane has no such sale. */
export async function faultOf(redis: Redis, sale: SaleId): Promise<string | null> {
  const [key = ''] = saleKeys(sale);
  const [id, fault] = await redis.hmget(key, 'id', 'frz');
  return id === null && fault === null ? null : (fault ?? '');
}

function saleKeys(sale: SaleId): string[] {
  const keys: string[] = [];
  pushSaleKeys(keys, laneOfId(sale), sale);
  return keys;
}

/** Throws when a store is away, or Postgres has no such sale. */
export async function unfreeze(options: UnfreezeOptions, sale: SaleId): Promise<Unfrozen> {
  const { stores, waitMs, say } = options;
  const fault = await faultOf(stores.redis, sale);
  if (fault === null) return { kind: 'no_sale' };
  if (fault === '') return { kind: 'not_frozen' };
  // Of the lane as it is recounted: one that has begun another epoch by then has not been.
  const epoch = Number(await stores.redis.hget(laneKeys(laneOfId(sale)).marker, 'epoch'));
  const { checks } = await audit(stores, { sale, waitMs, say });
  const violations = checks
    .filter(({ name }) => needed.has(name))
    .flatMap(({ name, failure, shown }) => [
      ...(failure === null ? [] : [{ id: name, says: `could not be checked: ${failure}` }]),
      ...shown.map(({ id, says }) => ({ id, says: `${name}: ${says}` })),
    ])
    .filter(({ says }) => says !== `lane.open: the sale is frozen: ${fault}`);
  if (violations.length > 0) return { kind: 'wrong', violations };
  return thaw(options, sale, { fault, epoch });
}

async function thaw(
  { stores: { redis }, script }: UnfreezeOptions,
  sale: SaleId,
  { fault, epoch }: { readonly fault: string; readonly epoch: number },
): Promise<Unfrozen> {
  const keys = laneKeys(laneOfId(sale));
  const header = packHeader({
    epoch,
    seenEpoch: 0,
    seenSeq: -1,
    memoryFull: false,
    inDoubtMax: Number.MAX_SAFE_INTEGER,
    inDoubtMaxAgeMs: Number.MAX_SAFE_INTEGER,
  });
  const names = [...keys.batch, ...saleKeys(sale), keys.verifiedRun];
  const bytes = await runScript(redis, script, names, [header, fault]);
  const [state, , head, outcome, why] = unpack(bytes as Buffer) as readonly unknown[];
  if (state !== status.ok) return { kind: 'lane_shut', why: refusalOf(state, head) };
  if (outcome === 1) return { kind: 'thawed', fault };
  if (outcome === 0) return { kind: 'not_frozen' };
  if (outcome === -1) return { kind: 'no_sale' };
  if (outcome === -4) return { kind: 'lane_shut', why: 'its server has not been verified' };
  return { kind: outcome === -2 ? 'faulted' : 'unreadable', why: String(why) };
}
