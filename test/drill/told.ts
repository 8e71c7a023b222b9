/**
 * What `recover` says was lost, against what was: no more than only Redis had, and not "nothing" where
 * the judge misses what was accepted. Pure.
 */
import { laneOfId } from '../../engine/domain/ids.ts';
import type { Doubt } from './doubt.ts';

/** Of a lane, from `recover --json`. */
export interface Told {
  readonly lane: number;
  readonly found: string;
  /** Positions: an entry of the outbox each. */
  readonly lostAtLeast: number;
}

/** Throws when it is not what `recover --json` prints. */
export function readTold(out: string): readonly Told[] {
  const { lanes } = JSON.parse(out) as { readonly lanes?: readonly Partial<Told>[] };
  if (lanes === undefined || lanes.length === 0) throw new Error(`recover told of no lane: ${out}`);
  return lanes.map(({ lane, found, lostAtLeast }) => {
    if (lane === undefined || found === undefined || lostAtLeast === undefined) {
      throw new Error(`recover does not say what was lost: ${out}`);
    }
    return { lane, found, lostAtLeast };
  });
}

/** All lanes together. */
export const lostAtLeast = (told: readonly Told[]): number =>
  told.reduce((sum, one) => sum + one.lostAtLeast, 0);

/** Lower bounds above what a lane had to lose. */
export const overstated = (
  told: readonly Told[],
  { entries }: Pick<Doubt, 'entries'>,
): readonly string[] =>
  told.flatMap(({ lane, lostAtLeast: least }) => {
    const had = entries.get(lane) ?? 0;
    return least <= had
      ? []
      : [`recover says that lane ${lane} lost at least ${least} entries, only Redis had ${had}`];
  });

const saysNothing = ({ found, lostAtLeast: least }: Told): boolean =>
  found !== 'older' && found !== 'nothing' && least === 0;

/**
 * Lost orders and tickets of lanes that `recover` said nothing was lost of; `null` = no lane said that
 * it had to be recovered.
 */
export function concealed(told: readonly Told[] | null, lost: readonly string[]): string[] {
  const open = new Set(told?.filter((one) => !saysNothing(one)).map(({ lane }) => lane));
  const missed = lost.filter((id) => !open.has(laneOfId(id)));
  if (missed.length === 0) return [];
  const who = told === null ? 'nobody recovered' : 'recover said that nothing was lost';
  return [`${missed.length} lost, and ${who}: ${missed.slice(0, 3).join(', ')}`];
}
