/** What a run must have met: one that never sold out or never asked again has tested nothing. */
import type { History } from './history.ts';

const words: Readonly<Record<keyof History['seen'], string>> = {
  sold_out: 'a sale sold out',
  replayed: 'an accepted answer was replayed by its key',
  expired_race: 'a payment came after the end of its hold',
  unavailable: 'somebody saw a 503',
  unknown: 'a command had no answer and was asked again later',
  limit: 'a shopper met their limit',
  turn: 'somebody in a line had a turn',
  not_admitted: 'a hold came without a turn',
  several: 'an order had several lines',
  several_ended: 'an order with several lines was paid or released',
  several_refused: 'an order with several lines was refused',
  changed: 'a sale was changed before its bell',
  change_refused: 'a change came after the bell',
};

/** Sights that were never met, in words. */
export const missingSights = (seen: Readonly<Record<string, number>>): string[] =>
  Object.entries(words).flatMap(([name, text]) => ((seen[name] ?? 0) === 0 ? [text] : []));
