/** After the sale: until everything is settled, the audit, and the settlement lag. */
import { spawn } from 'node:child_process';
import { bucketQuantile, bucketsOf } from '../client/scrape.ts';
import { Pool } from '../client/pool.ts';
import type { SaleStats, Shop } from './shop.ts';

const settledMaxMs = 20_000;
const askMs = 200;
const notBuiltCode = 2;

export interface SettleLag {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** The sale's stats once nothing is in doubt, or as they are after 20 s. */
export async function untilSettled(shop: Shop, sale: string): Promise<SaleStats> {
  const until = performance.now() + settledMaxMs;
  for (;;) {
    const stats = await shop.stats(sale);
    if (stats.in_doubt.count === 0 || performance.now() > until) return stats;
    await new Promise((resolve) => setTimeout(resolve, askMs));
  }
}

/** From the histogram of all lanes; null where it has no values. */
export async function settleLag(opsUrl: string): Promise<SettleLag> {
  const pool = new Pool(opsUrl, 1);
  try {
    const { body } = await pool.send({ method: 'GET', path: '/metrics' });
    const buckets = bucketsOf(body, 'highnoon_settle_lag_seconds');
    const ms = (share: number): number | null => {
      const seconds = bucketQuantile(buckets, share);
      return seconds === null ? null : seconds * 1000;
    };
    return { p50Ms: ms(0.5), p99Ms: ms(0.99) };
  } finally {
    pool.close();
  }
}

export interface AuditVerdict {
  readonly ok: boolean;
  readonly text: string;
}

/** `highnoon audit` with our terminal and our environment, so it finds the same stack. */
export function audit(): Promise<AuditVerdict> {
  const file = 'stack/cli/highnoon.mjs';
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, 'audit'], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(verdictOf(code)));
  });
}

function verdictOf(code: number | null): AuditVerdict {
  if (code === 0) return { ok: true, text: 'holds' };
  if (code === notBuiltCode) return { ok: false, text: 'could not be run (exit code 2)' };
  return { ok: false, text: `FAILED (exit code ${code ?? 'none'})` };
}
