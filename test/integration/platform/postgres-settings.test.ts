/**
 * What the embedded Postgres says to our own connections: nothing is committed before it is on the
 * disk, and a checkpoint does not come every 64 MB of log, as initdb sets it for small segments.
 */
import { afterAll, expect, it } from 'vitest';
import { createDb } from '../../../platform/postgres/pool.ts';
import { needed } from './stores.ts';

const db = createDb(needed('TEST_DATABASE_URL'), { max: 1, name: 'test' });
afterAll(() => db.close());

it.each([
  ['fsync', 'on'],
  ['full_page_writes', 'on'],
  ['synchronous_commit', 'on'],
  ['wal_segment_size', '1MB'],
  ['max_wal_size', '1GB'],
  ['min_wal_size', '80MB'],
])('%s is %s', async (name, value) => {
  expect(await db.query(`SHOW ${name}`)).toEqual([{ [name]: value }]);
});
