// What initdb would set by the size of a segment is given: else a checkpoint comes every 64 MB of log.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../docs/pages.ts';

it.each(['stack/run/postgres.mjs', 'docker-compose.yml'])(
  '%s says how large the log may be',
  (file) => {
    const text = readFileSync(join(root, file), 'utf8');
    expect(text).toContain('--wal-segsize=1');
    expect(text).toMatch(/max_wal_size(?:=|: ')1GB/);
    expect(text).toMatch(/min_wal_size(?:=|: ')80MB/);
  },
);
