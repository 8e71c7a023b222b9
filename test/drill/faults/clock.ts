/** Redis's clock, set forward and back: it decides every bell and deadline. */
import { writeFileSync } from 'node:fs';
import { wait, type Fault } from './fault.ts';

/** Redis was started under libfaketime, which reads its offset from this file at every look. */
function skew(name: string, does: string, seconds: number): Fault {
  return {
    name,
    kind: 'clock',
    does,
    needs: ['libfaketime'],
    async run({ clockFile }) {
      writeFileSync(clockFile, `${seconds >= 0 ? '+' : ''}${seconds}s`);
      await wait(3000);
      writeFileSync(clockFile, '+0s');
      // Lane time never goes back: it stands until the clock has caught up.
      if (seconds > 0) await wait(seconds * 1000);
    },
  };
}

export const clockFaults: readonly Fault[] = [
  skew('clock-forward-10s', "Redis's clock is 10 s ahead for 3 s, then right again", 10),
  skew('clock-back-30s', "Redis's clock is 30 s behind for 3 s, then right again", -30),
];
