/**
 * What a person sees while something is set up: one line per step with its time, notes on progress
 * in between, and a sign of life when a step has said nothing for a while.
 */

const quietMs = 10_000;
const noteEveryMs = 3_000;

/**
 * @typedef {object} Progress
 * @property {(text: string) => void} note progress, at most one line in 3 s
 * @property {(text: string) => void} done what the step's last line says
 */

/**
 * @typedef {object} Steps
 * @property {<T>(title: string, work: (progress: Progress) => Promise<T> | T) => Promise<T>} step
 * @property {(line: string) => void} say
 */

/** @param {(line: string) => void} log @returns {Steps} */
export function createSteps(log) {
  return {
    say: log,
    async step(title, work) {
      const began = performance.now();
      let spoken = began;
      let outcome = '';
      const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
      const beat = setInterval(() => {
        if (performance.now() - spoken >= quietMs) log(`  … ${title}: ${seconds()}`);
      }, quietMs);
      beat.unref();
      /** @type {Progress} */
      const progress = {
        note: (text) => {
          if (spoken !== began && performance.now() - spoken < noteEveryMs) return;
          spoken = performance.now();
          log(`  … ${title}: ${text}`);
        },
        done: (text) => {
          outcome = text;
        },
      };
      try {
        const result = await work(progress);
        log(`  ✓ ${title}${outcome && `: ${outcome}`} (${seconds()})`);
        return result;
      } catch (error) {
        log(`  ✗ ${title} (${seconds()})`);
        throw error;
      } finally {
        clearInterval(beat);
      }
    },
  };
}
