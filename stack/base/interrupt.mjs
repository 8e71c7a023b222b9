/**
 * Being told to stop: by a signal, or by the death of the npm that runs us.
 */
import { commandOf, identify, isAlive, parentOf } from './proc.mjs';

const parentEveryMs = 1_000;
const insistMs = 2_000;

/**
 * Calls `stop` once. A signal that comes again after 2 s ends us at once, and the watchdog ends the
 * rest: earlier ones are the same Ctrl-C, which both the terminal and npm hand to us.
 * @param {(why: string) => void} stop
 */
export function onInterrupt(stop) {
  let since = 0;
  const once = (/** @type {string} */ why) => {
    if (since === 0) {
      since = performance.now();
      stop(why);
    } else if (performance.now() - since > insistMs) {
      process.exit(130);
    }
  };
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(name, () => once(name));
  }
  followNpm(() => once('npm has ended'));
}

/** A killed npm (or the shell between it and us) would leave us running for nobody. */
function followNpm(/** @type {() => void} */ gone) {
  if (!process.env['npm_lifecycle_event']) return;
  const parents = [identify(process.ppid)];
  if (/^\S*sh -c/.test(commandOf(process.ppid))) parents.push(identify(parentOf(process.ppid)));
  const timer = setInterval(() => {
    if (parents.every((each) => each === null || isAlive(each))) return;
    clearInterval(timer);
    gone();
  }, parentEveryMs);
  timer.unref();
}
