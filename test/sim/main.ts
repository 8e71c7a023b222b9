/** One process of `npm run sim` (stack/sim.mjs): runs its share of the seeds and tells what it met. */
import { parseArgs } from 'node:util';
import { openLab } from './lab.ts';
import { runSeed } from './run.ts';
import { SeedSet, sometimes } from './set.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '' },
    step: { type: 'string', default: '1' },
    hours: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const step = Number(values.step);
const count = values.count === '' ? Infinity : Number(values.count);
const until =
  performance.now() + (values.count === '' ? Number(values.hours) * 3600_000 : Infinity);

const say = (line: string): unknown => process.stdout.write(`${line}\n`);
const lab = await openLab();
const set = new SeedSet(lab);
try {
  if (values.trace) {
    const { wrong } = await runSeed(lab, first, (line) => process.stdout.write(line));
    say(wrong.length === 0 ? 'all holds' : wrong.join('\n'));
    process.exitCode = wrong.length === 0 ? 0 : 1;
  } else {
    for (let n = 0; n < count && performance.now() < until; n++) {
      const { seed, wrong, events, virtualMs } = await set.run(first + n * step);
      if (wrong.length > 0) say(set.report.at(-1) ?? '');
      const seconds = (virtualMs / 1000).toFixed(1);
      say(
        `seed ${seed}: ${wrong.length === 0 ? 'holds' : 'BROKEN'}, ${events} events, ${seconds} s`,
      );
    }
    // Merged by stack/sim.mjs with what the other processes met.
    const { runs, seen, broken } = set;
    const share = { runs, broken: broken.length, seen: [...seen], sometimes };
    if (process.send !== undefined) {
      await new Promise((resolve) => process.send?.(share, undefined, {}, resolve));
    }
    process.exitCode = set.broken.length === 0 ? 0 : 1;
  }
} finally {
  await lab.close();
}
