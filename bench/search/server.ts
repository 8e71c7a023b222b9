/** The window's search in a process of their own, for a benchmark to call. */
import { loadPlaces } from '../../catalog/delivery/places.ts';
import type { Ranking } from '../../catalog/search/ranking.ts';
import { searchRoutes } from '../../catalog/search/routes.ts';
import { createHttpServer } from '../../platform/http/server.ts';
import { createLog } from '../../platform/log.ts';
import { createDb } from '../../platform/postgres/pool.ts';

const [url = '', freshMs = '0', ranking = '{}'] = process.argv.slice(2);
const connectionsMax = 8;
const log = createLog('bench', 'warn');
const db = createDb(url, { max: connectionsMax, statementTimeoutMs: 5000, name: 'bench-search' });
const places = loadPlaces();
const savedPlace = () => Promise.resolve(null);
const server = await createHttpServer({
  ...{ name: 'bench-search', host: '127.0.0.1', port: 0, log, rateLimits: 'off' },
  routes: [
    ...searchRoutes({
      db,
      places,
      savedPlace,
      freshMs: Number(freshMs),
      ranking: JSON.parse(ranking) as Ranking,
    }),
  ],
  authenticate: () => ({ kind: 'operator' }),
});
process.send?.(server.port);
process.on('disconnect', () => process.exit(0));
