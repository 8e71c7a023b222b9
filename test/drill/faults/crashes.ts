/** Every named step between script, Kafka and Postgres, cut where it stands. */
import { crashPoints, type CrashPoint } from '../../../platform/crash.ts';
import { NotMet, wait, type Fault } from './fault.ts';

/** Points that only a restarted Redis leads to. */
const afterRestart = new Set<CrashPoint>(['verifier.read', 'verifier.begun', 'verifier.written']);
/** Shoppers and vendors lead api there, loops the worker. */
const inApi = new Set<CrashPoint>([
  'batch.sending',
  'batch.answered',
  'sale.written',
  'details.written',
]);
/** A vendor's registration leads there. */
const byProducts = new Set<CrashPoint>(['opener.written', 'publisher.sent', 'intake.written']);
/** Met now and then; the others are met many times a second, so somewhere in the stream. */
const rare = new Set<CrashPoint>([
  'sale.written',
  'command.sending',
  'command.answered',
  ...byProducts,
  'drawer.shown',
  'drawer.drawn',
  'admitter.admitted',
  'admitter.lapsed',
  ...afterRestart,
]);

const metWithinMs = 60_000;

const roleOf = (point: CrashPoint): 'api' | 'worker' | 'catalog' => {
  if (point === 'intake.written') return 'catalog';
  return inApi.has(point) ? 'api' : 'worker';
};

/** The second of its kind steps back, so that all the work comes to the one that is to die. */
function crash(point: CrashPoint): Fault {
  const doomed = roleOf(point);
  const other = doomed === 'catalog' ? null : `${doomed}-2`;
  return {
    name: `crash-${point}`,
    kind: 'crash point',
    does:
      other === null
        ? `${doomed}, the only one, dies at ${point}; then it is back`
        : `${doomed} dies at ${point} while ${other} is away; then both are back`,
    async run({ stack: { roles, stores }, rng, newProduct }) {
      const times = rare.has(point) ? 1 : rng.whole(2, 40);
      if (other !== null) await roles.halt(other);
      await roles.restartWith(doomed, { CRASH_AT: `${point}:${times}` });
      const before = roles.deaths(doomed);
      if (afterRestart.has(point)) stores.kill('redis');
      const until = performance.now() + metWithinMs;
      if (byProducts.has(point)) await newProduct();
      while (roles.deaths(doomed) === before && performance.now() < until) await wait(20);
      const met = roles.deaths(doomed) > before;
      await roles.restartWith(doomed, { CRASH_AT: '' });
      if (other !== null) await roles.resume(other);
      await roles.whenReady(doomed);
      if (!met) throw new NotMet(`${point} was not met within ${metWithinMs / 1000} s`);
    },
  };
}

export const crashFaults: readonly Fault[] = crashPoints.map(crash);
