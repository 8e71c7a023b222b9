// One drill of each kind, on real processes: what `npm run drill` does for hours, in two minutes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from './main.ts';
import type { StackModule } from './stack.ts';

const starter = '../../stack/stack.mjs';
const ports = '../../stack/base/ports.mjs';
const withinMs = 400_000;

const faults = [
  'kill-worker',
  'kill-redis',
  'redis-lost-reply-1',
  'redis-half-open-1s',
  'postgres-cut',
  'kafka-cut',
  'redis-scripts-flushed',
  'crash-settler.committed',
  'redis-lost-everything',
];

describe('a drill of each kind', () => {
  const dir = mkdtempSync(join(tmpdir(), 'highnoon-drill-'));
  afterAll(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  it(
    'breaks no promise',
    async () => {
      const { startStack } = (await import(starter)) as Pick<StackModule, 'startStack'>;
      const { freePorts } = (await import(ports)) as Pick<StackModule, 'freePorts'>;
      const said: string[] = [];
      const code = await main(
        [...faults, '--check-every', '4', '--results', join(dir, 'results.ndjson')],
        { startStack, freePorts },
        (line) => said.push(line),
      );
      expect(code, said.join('\n')).toBe(0);
    },
    withinMs,
  );
});
