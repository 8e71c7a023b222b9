/** The two clocks of a lane, as one batch sees them. Pure. */
import type { Millis } from '../types.ts';

/** When a batch is decided. */
export interface Clock {
  /** Lane time. */
  readonly now: Millis;
  /** Total outage, ms. */
  readonly outage: number;
}

/** Deadlines are in the hold clock, so they grow by an outage without rewriting a record. */
export const holdClock = (clock: Clock): Millis => clock.now - clock.outage;
