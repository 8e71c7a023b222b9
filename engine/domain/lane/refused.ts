/** What a lane command that changed nothing leaves in the log: its number, and why. Pure. */
import type { LaneCommand, RefusedEvent } from './words.ts';

const eventOf = {
  install: 'installed',
  terms: 'changed',
  credit: 'moved',
  debit: 'moved',
  pause: 'paused',
  resume: 'resumed',
  close: 'closed',
  numbers: 'numbers',
} as const;

/** The event of a command that never came to its sale: unknown sale, frozen sale. */
export function refused(c: LaneCommand, reason: string): RefusedEvent {
  const event = eventOf[c.kind];
  if (c.kind === 'numbers') return [event, c.number, 0, reason, c.from, c.tickets.length];
  if (c.kind !== 'credit' && c.kind !== 'debit') return [event, c.number, 0, reason];
  return [event, c.number, 0, reason, c.move, c.kind, c.item, c.units];
}
