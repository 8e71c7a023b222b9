/**
 * Places at which a process can be told to die, so that a drill cuts every step between script,
 * Kafka and Postgres at will: `CRASH_AT=settler.committed:20` dies there the twentieth time. It
 * costs a comparison elsewhere, and production refuses the variable.
 */
import { invariant } from './fault.ts';

export const crashPoints = [
  'batch.sending',
  'batch.answered',
  'command.sending',
  'command.answered',
  'sale.written',
  'details.written',
  'relay.read',
  'relay.sent',
  'settler.settling',
  'settler.committed',
  'settler.settled',
  'trimmer.read',
  'trimmer.trimmed',
  'verifier.read',
  'verifier.begun',
  'verifier.written',
  'publisher.sent',
  'intake.written',
  'opener.written',
  'drawer.shown',
  'drawer.drawn',
  'admitter.admitted',
  'admitter.lapsed',
] as const;

export type CrashPoint = (typeof crashPoints)[number];

let armed = '';
let left = 0;

/** `name` or `name:times`; '' = never. Throws on a name that is no crash point. */
export function armCrash(at: string): void {
  const [name = '', times = '1'] = at.split(':');
  invariant(at === '' || (crashPoints as readonly string[]).includes(name), `no crash point ${at}`);
  armed = name;
  left = Number(times);
}

export function crashPoint(name: CrashPoint): void {
  if (armed !== name) return;
  left -= 1;
  if (left <= 0) process.kill(process.pid, 'SIGKILL');
}
