/** Starts the window's search in a process of its own, as a benchmark wants it. */
import { defaultRanking } from '../../catalog/search/ranking.ts';
import type { Ranking } from '../../catalog/search/ranking.ts';
import { startServer } from '../child-server.ts';
import type { ChildServer } from '../child-server.ts';
import type { Stand } from './stand.ts';

/** `freshMs`: how long an answer is remembered; 0 = not at all. */
export function serve(
  stand: Stand,
  freshMs: number,
  ranking: Ranking = defaultRanking,
): Promise<ChildServer> {
  const args = [stand.url, String(freshMs), JSON.stringify(ranking)];
  return startServer('search/server.js', { args });
}
