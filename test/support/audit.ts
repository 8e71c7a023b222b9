/** The audit of a world: recounts all three stores. The one place that knows which audit it is. */
import { audit } from '../../engine/proof/audit.ts';
import type { World } from './world.ts';

const waitMs = 10_000;

/** What does not hold, in words, each beginning with its check's name. Empty = all holds. */
export async function auditOf({ db, redis, kafka, topic }: World): Promise<string[]> {
  const stores = { db, redis: redis.redis, kafka: kafka.kafka, topic };
  const report = await audit(stores, { sale: null, waitMs, say: () => undefined });
  const failed = report.checks.filter((check) => check.violations > 0);
  const wrong = failed.map(({ name, examples }) => `${name}: ${examples.join(', ')}`);
  return report.inDoubt > 0 ? [...wrong, `doubt: ${report.inDoubt} decisions`] : wrong;
}
