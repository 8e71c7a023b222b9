/**
 * How long the disk takes to keep what was appended: the least that a batch of decisions waits, on
 * whatever machine this is. A latency is to be read beside it.
 */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Histogram } from '../client/histogram.ts';

export interface Disk {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const times = 300;
/** About what a batch of fifty holds appends. */
const bytes = 16 * 1024;

/** Appends and fdatasyncs, one after the other, in a file of `dir` that is gone afterwards. */
export function measureDisk(dir: string): Disk {
  const path = join(dir, 'bench-disk');
  const chunk = Buffer.alloc(bytes, 'x');
  const latency = new Histogram();
  const file = openSync(path, 'w');
  try {
    for (let i = 0; i < times; i += 1) {
      const started = performance.now();
      writeSync(file, chunk);
      fdatasyncSync(file);
      latency.add(performance.now() - started);
    }
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
  return { p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99) };
}
