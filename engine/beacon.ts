/**
 * Public randomness for draws: rounds of drand's quicknet, read from any of its HTTP relays. A round is
 * named when a sale is created and published after its bell, so that whoever knew the seed could not
 * know the draw. Its value is the round's signature, whose hash drand calls its randomness: it is
 * checked here and by whoever verifies a proof, so a relay is trusted with nothing.
 */
import { createHash } from 'node:crypto';
import { Fault } from '../platform/fault.ts';
import type { Beacon } from './line/beacons.ts';
import {
  chain,
  genesisMs,
  isRoundSigned,
  periodMs,
  roundOf,
  signatureBytes,
} from './line/quicknet.ts';
import type { Millis } from './domain/types.ts';

/** The bell rings by the lane's clock, and settles a little later. */
const afterBellMs = 10_000;
const answerMs = 5000;

/** The source that a sale names at its creation: `drand:CHAIN:ROUND`. */
export type RoundNamer = (startsAt: Millis) => string;

/** The first round that is published ten seconds after a bell, or later. */
export const nameRound: RoundNamer = (startsAt) => {
  const round = Math.ceil((startsAt + afterBellMs - genesisMs) / periodMs) + 1;
  return `drand:${chain}:${round}`;
};

const unusable = (why: string): Fault => new Fault('beacon_unusable', why, { retryable: true });

const hex = (text: unknown, bytes: number): Buffer | null =>
  typeof text === 'string' && text.length === bytes * 2 && /^[0-9a-f]*$/.test(text)
    ? Buffer.from(text, 'hex')
    : null;

/** The signature of a round as a relay tells it. Throws when it is not what it says. */
function signatureOf(body: unknown, round: number): Buffer {
  const said = body as Readonly<Record<string, unknown>> | null;
  const signature = hex(said?.['signature'], signatureBytes);
  const randomness = hex(said?.['randomness'], 32);
  if (said?.['round'] !== round || signature === null || randomness === null) {
    throw unusable(`the beacon does not answer with round ${round}`);
  }
  if (!createHash('sha256').update(signature).digest().equals(randomness)) {
    throw unusable(`round ${round} is not the hash of its signature`);
  }
  if (!isRoundSigned(round, signature)) throw unusable(`round ${round} is not signed by its chain`);
  return signature;
}

/** Asks a relay; null while the round is not published. */
export function drandBeacon(url: string): Beacon {
  return async (source) => {
    const round = roundOf(source);
    if (round === null) throw unusable(`${source} is not a round of this chain`);
    const path = `${url.replace(/\/+$/, '')}/${chain}/public/${round}`;
    const answer = await fetch(path, { signal: AbortSignal.timeout(answerMs) });
    // Relays answer 404 or 425 to a round of the future.
    if (answer.status === 404 || answer.status === 425) return null;
    if (!answer.ok) throw unusable(`the beacon answers ${answer.status}`);
    return signatureOf(await answer.json(), round);
  };
}
