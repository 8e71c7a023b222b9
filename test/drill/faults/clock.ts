/**
 * Redis's wall clock is set forward and back. Its own only: it is preloaded with clock-shift.c,
 * which is compiled here (libfaketime ends Redis at its start: its allocator asks for the time).
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../platform/config.ts';
import type { DrillStack } from '../stack.ts';
import { clockSetMs, NotMet, wait, type Fault } from './fault.ts';
import { withRedis } from './redis-at.ts';

const setForMs = 5000;
const settleMs = 2000;

/** The file is mapped by Redis: it is changed in place. */
function setClock(file: string, ms: number): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(ms));
  writeFileSync(file, bytes, { flag: 'r+' });
}

async function driftOf(stack: DrillStack): Promise<number> {
  const [seconds = 0, micros = 0] = await withRedis(stack, (redis) => redis.time());
  return seconds * 1000 + micros / 1000 - Date.now();
}

const clockSet = (name: string, ms: number): Fault => ({
  name: `redis-clock-${name}`,
  kind: 'store',
  does: `Redis's clock is set ${name} by ${Math.abs(ms) / 1000} s for ${setForMs / 1000} s`,
  needs: ['cc'],
  async run({ stack }) {
    const { dir } = stack.stores;
    const [library, file] = [join(dir, 'clock-shift.so'), join(dir, 'clock-shift')];
    const source = join(projectRoot(), 'test/drill/faults/clock-shift.c');
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source]);
    writeFileSync(file, Buffer.alloc(8));
    await stack.stores.restartWith('redis', { LD_PRELOAD: library, CLOCK_SHIFT_FILE: file });
    await stack.stores.whenReady('redis');
    await wait(settleMs);
    setClock(file, ms);
    const drift = await driftOf(stack);
    await wait(setForMs);
    setClock(file, 0);
    await wait(settleMs);
    await stack.stores.restartWith('redis', { LD_PRELOAD: '', CLOCK_SHIFT_FILE: '' });
    await stack.stores.whenReady('redis');
    if (Math.abs(drift - ms) > settleMs) throw new NotMet(`the clock was off by ${drift} ms`);
  },
});

export const clockFaults: readonly Fault[] = [
  clockSet('forward', clockSetMs),
  clockSet('back', -clockSetMs),
];
