/** What the stores hold, as one text: to show that a refused request changed nothing. */
import { createDb } from '../../platform/postgres/pool.ts';
import type { Db } from '../../platform/postgres/db.ts';

/** Written by loops whether or not anybody asks anything. */
const moving = new Set([
  'sale.watermarks',
  // What products are found by, brought up to date in its own time; the products stand elsewhere.
  'shop.search',
  'shop.search_progress',
  'shop.search_vocabulary',
]);

/** Where holds and turns of other sales lapse meanwhile: only this sale's rows are looked at, all are counted. */
const lapsing: Readonly<Record<string, string>> = {
  'sale.orders': 'substr(t.id, 5, 16) = substr($1, 5)',
  'sale.units': 't.sale_id = $1',
  'sale.tickets': 't.sale_id = $1',
};

export class Stores {
  readonly #db: Db;

  constructor(url: string) {
    this.#db = createDb(url, { max: 1, name: 'e2e' });
  }

  /** Each table of ours with its number of rows and a digest of them, as far as they concern a sale. */
  async snapshot(sale: string): Promise<Readonly<Record<string, string>>> {
    const tables = await this.#db.query<{ name: string }>(
      `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
        WHERE table_schema IN ('platform', 'sale', 'shop') AND table_type = 'BASE TABLE'
        ORDER BY 1`,
    );
    const found: Record<string, string> = {};
    for (const { name } of tables.filter((table) => !moving.has(table.name))) {
      const [row] = await this.#db.query<{ digest: string }>(
        `SELECT count(*) || ' rows, ' || md5(coalesce(
                  string_agg(t::text, ',' ORDER BY t::text)
                    FILTER (WHERE ${lapsing[name] ?? '$1::text IS NOT NULL'}), '')) AS digest
           FROM ${name} t`,
        [sale],
      );
      found[name] = row?.digest ?? '';
    }
    return found;
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
