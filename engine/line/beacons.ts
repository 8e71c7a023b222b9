/**
 * Beacons that draws wait for: asked beside the drawer's rounds, a bounded number at a time, more and
 * more rarely where none answers. Sales whose bells ring together name the same round: it is asked once.
 */
import { clock } from '../../platform/clock.ts';
import { messageOf } from '../../platform/fault.ts';
import type { Log } from '../../platform/log.ts';

/** A round of public randomness. Null = it is not published yet: the draw waits. */
export type Beacon = (source: string) => Promise<Uint8Array | null>;

/**
 * How long after its bell a draw waits for the round that it has named. Then it is made without, and
 * its proof says so (docs/decisions/0043): numbers that never come would be a sale that never begins.
 */
export const beaconWaitMs = 600_000;

const atOnceMax = 8;
/** An answer that does not come is given up. */
const answerMaxMs = 15_000;
const againMinMs = 500;
const againMaxMs = 15_000;
const rememberedMax = 1000;
/** Whoever comes back from a long outage asks before it goes on without. */
const triesMin = 3;

interface Round {
  value: Uint8Array | null;
  tries: number;
  isAsked: boolean;
  notBefore: number;
}

export class Beacons {
  readonly #beacon: Beacon | undefined;
  readonly #log: Log;
  /** The first was named longest ago. */
  readonly #rounds = new Map<string, Round>();
  #asked = 0;

  /** `beacon` undefined = there is none to ask any more. */
  constructor(beacon: Beacon | undefined, log: Log) {
    this.#beacon = beacon;
    this.#log = log;
  }

  /**
   * The round's value, empty when it has not come in time; null = the draw waits. `bellAt` = lane time
   * of the bell, ms.
   */
  of(source: string, bellAt: number): Uint8Array | null {
    const round = this.#roundOf(source);
    if (round.value !== null) return round.value;
    const isLate = clock.wall() - bellAt >= beaconWaitMs;
    if (isLate && (this.#beacon === undefined || round.tries >= triesMin)) {
      this.#log.error({ source }, 'a draw is made without the beacon that it had named');
      return new Uint8Array(0);
    }
    this.#ask(source, round);
    return null;
  }

  #roundOf(source: string): Round {
    const known = this.#rounds.get(source);
    if (known !== undefined) return known;
    const round: Round = { value: null, tries: 0, isAsked: false, notBefore: -Infinity };
    this.#rounds.set(source, round);
    if (this.#rounds.size > rememberedMax) {
      for (const oldest of this.#rounds.keys()) {
        this.#rounds.delete(oldest);
        break;
      }
    }
    return round;
  }

  #ask(source: string, round: Round): void {
    if (this.#beacon === undefined || round.isAsked || clock.now() < round.notBefore) return;
    if (this.#asked >= atOnceMax) return;
    round.isAsked = true;
    this.#asked += 1;
    within(this.#beacon(source), answerMaxMs)
      .then(
        (value) => {
          round.value = value;
        },
        (error: unknown) => {
          this.#log.warn({ source, tries: round.tries, err: messageOf(error) }, 'no beacon');
        },
      )
      .finally(() => {
        this.#asked -= 1;
        round.isAsked = false;
        const wait = Math.min(againMinMs * 2 ** Math.min(round.tries, 10), againMaxMs);
        round.tries += 1;
        round.notBefore = clock.now() + wait;
      });
  }
}

function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
      reject(new Error(`no answer in ${ms} ms`));
    });
    answer.then(resolve, reject).finally(() => timer.close());
  });
}
