/** Starts the window's search in a process of its own, as a benchmark wants it. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { defaultRanking } from '../../catalog/search/ranking.ts';
import type { Ranking } from '../../catalog/search/ranking.ts';
import type { Stand } from './stand.ts';

export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

/** `freshMs`: how long an answer is remembered; 0 = not at all. */
export async function serve(
  stand: Stand,
  freshMs: number,
  ranking: Ranking = defaultRanking,
): Promise<Server> {
  const file = fileURLToPath(new URL('server.js', import.meta.url));
  const child: ChildProcess = fork(file, [stand.url, String(freshMs), JSON.stringify(ranking)]);
  const [port] = (await once(child, 'message')) as [number];
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
