/** What the stores hold, as one text: to show that a refused request changed nothing. */
import { createDb } from '../../platform/postgres/pool.ts';
import type { Db } from '../../platform/postgres/db.ts';

/** Written by loops whether or not anybody asks anything. */
const moving = new Set(['sale.watermarks']);

export class Stores {
  readonly #db: Db;

  constructor(url: string) {
    this.#db = createDb(url, { max: 1, name: 'e2e' });
  }

  /** Each table of ours with its number of rows and a digest of them all. */
  async snapshot(): Promise<Readonly<Record<string, string>>> {
    const tables = await this.#db.query<{ name: string }>(
      `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
        WHERE table_schema IN ('platform', 'sale', 'shop') AND table_type = 'BASE TABLE'
        ORDER BY 1`,
    );
    const found: Record<string, string> = {};
    for (const { name } of tables.filter((table) => !moving.has(table.name))) {
      const [row] = await this.#db.query<{ digest: string }>(
        `SELECT count(*) || ' rows, ' || md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), ''))
                AS digest FROM ${name} t`,
      );
      found[name] = row?.digest ?? '';
    }
    return found;
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
