/** A copy of what Redis and Postgres hold, to be put back after a test has broken them. */
import type { Query } from '../../../platform/postgres/db.ts';
import type { World } from '../../support/world.ts';

export interface StoreCopy {
  restore(): Promise<void>;
}

/** Redis and the database must be the world's own. */
export async function copyStores({ db, redis: { redis } }: World): Promise<StoreCopy> {
  const dumps: (readonly [key: string, dump: Buffer])[] = [];
  for (const key of await redis.keys('*')) {
    dumps.push([key, await redis.dumpBuffer(key)]);
  }
  const tables = await db.query<{ name: string; copy: string }>(
    `SELECT table_schema || '.' || table_name AS name,
            'copy.' || table_schema || '_' || table_name AS copy
       FROM information_schema.tables
      WHERE table_schema IN ('sale', 'platform') AND table_type = 'BASE TABLE'`,
  );
  await db.run('CREATE SCHEMA copy');
  for (const { name, copy } of tables) await db.run(`CREATE TABLE ${copy} AS TABLE ${name}`);

  const restoreTables = async (q: Query): Promise<void> => {
    await q.run('SET LOCAL session_replication_role = replica');
    await q.run(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
    for (const { name, copy } of tables) {
      await q.run(`INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM ${copy}`);
    }
  };
  return {
    async restore() {
      const keys = await redis.keys('*');
      if (keys.length > 0) await redis.del(keys);
      for (const [key, dump] of dumps) await redis.restore(key, 0, dump);
      await db.tx(restoreTables);
    },
  };
}
