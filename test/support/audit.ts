/** The audit of a world: recounts all three stores. */
import { audit, type AuditOptions, type AuditReport } from '../../engine/audit/audit.ts';
import type { AuditStores } from '../../engine/audit/audit-lane.ts';
import type { World } from './world.ts';

const waitMs = 10_000;

export const storesOf = ({ db, redis, kafka, topic }: World): AuditStores => ({
  db,
  redis: redis.redis,
  kafka: kafka.kafka,
  topic,
});

/** `stores` = others than the world's; it waits for nothing unless it is told to. */
export const reportOf = (
  world: World,
  stores: Partial<AuditStores> = {},
  options: Partial<AuditOptions> = {},
): Promise<AuditReport> =>
  audit(
    { ...storesOf(world), ...stores },
    { sale: null, waitMs: 0, say: () => undefined, ...options },
  );

/** What does not hold or could not be checked, in words, each beginning with its check's name. */
export const wrongIn = ({ checks }: AuditReport): string[] =>
  checks.flatMap(({ name, failure, shown }) => [
    ...(failure === null ? [] : [`${name} could not be checked: ${failure}`]),
    ...shown.map(({ id, says }) => `${name} ${id}: ${says}`),
  ]);

/** The same of a world, once what it has decided has settled. Empty = all holds. */
export const auditOf = async (world: World): Promise<string[]> =>
  wrongIn(await reportOf(world, {}, { waitMs }));
