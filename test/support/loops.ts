/** Waits by what a loop of this process has done, not by time. */
import { metrics } from '../../platform/metrics.ts';
import { until } from './environment.ts';

async function roundsOf(loop: string): Promise<number> {
  const { values } = await metrics.loopRuns.get();
  return values.find(({ labels }) => labels['loop'] === loop)?.value ?? 0;
}

/** Until the loop has made so many rounds more. */
export async function untilRounds(loop: string, more: number): Promise<void> {
  const before = await roundsOf(loop);
  await until(`${loop} went round`, async () => (await roundsOf(loop)) >= before + more);
}
