// The view through which catalog sees the sale: what is claimed as the units' rows say, banded by the share left.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertLane, insertSale } from './database.ts';
import type { SaleFixture } from './database.ts';
import { createDatabase } from '../../support/postgres.ts';
import type { TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase({ max: 4 });
  await insertLane(database.db);
});
afterAll(() => database.close());

interface Row {
  readonly claimed: number;
  readonly band: string;
}

let sales = 0;
async function rowOf(fixture: Partial<SaleFixture>): Promise<Row | undefined> {
  sales += 1;
  const id = `sal_${sales}`;
  await insertSale(database.db, { id, product: 'prd_1', allotted: 100, ...fixture });
  const rows = await database.db.query<Row>(
    'SELECT claimed, band FROM sale.storefront WHERE sale_id = $1',
    [id],
  );
  expect(rows.length).toBeLessThan(2);
  return rows[0];
}

describe('sale.storefront', () => {
  it.each<[string, Partial<SaleFixture>, number, string]>([
    ['untouched', {}, 0, 'in_stock'],
    ['89 of 100 claimed', { claimed: 89 }, 89, 'in_stock'],
    ['90 of 100 claimed', { claimed: 90 }, 90, 'low'],
    ['99 of 100 claimed', { claimed: 99 }, 99, 'low'],
    ['all claimed', { claimed: 100 }, 100, 'sold_out'],
    ['all once claimed, half free again', { claimed: 50, freed: 50 }, 50, 'in_stock'],
    ['one unit, free', { allotted: 1 }, 0, 'in_stock'],
    ['nothing allotted', { allotted: 0 }, 0, 'sold_out'],
    ['not opened yet', { kind: 'flash', state: 'scheduled' }, 0, 'coming'],
    ['paused', { kind: 'flash', state: 'paused', claimed: 10 }, 10, 'in_stock'],
    ['closing', { kind: 'flash', state: 'closing' }, 0, 'sold_out'],
    ['closed', { kind: 'flash', state: 'closed', claimed: 3 }, 3, 'sold_out'],
  ])('of a sale %s', async (_, fixture, claimed, band) => {
    expect(await rowOf(fixture)).toEqual({ claimed, band });
  });

  it.each(['closing', 'closed'])(
    'of a flash sale that is %s says what it offered',
    async (state) => {
      const id = `sal_over_${state}`;
      const { db } = database;
      await insertSale(db, {
        id,
        product: 'prd_3',
        allotted: 100,
        kind: 'flash',
        state,
        claimed: 3,
      });
      await db.run('UPDATE sale.sale_items SET allotted = 3 WHERE sale_id = $1', [id]);
      await db.run(
        `INSERT INTO sale.moves (id, kind, product_id, to_sale, to_item, units, group_id, state)
       VALUES ($1, 'fence', 'prd_3', $2, 0, 100, $2, 'done'), ($3, 'fence', 'prd_3', $2, 0, 20, $3, 'done')`,
        [`mov_1_${state}`, id, `mov_2_${state}`],
      );
      const rows = await db.query(
        'SELECT allotted, claimed FROM sale.storefront WHERE sale_id = $1',
        [id],
      );
      expect(rows).toEqual([{ allotted: 120, claimed: 3 }]);
    },
  );

  it.each(['creating', 'cancelled'])('leaves out a sale that is %s', async (state) => {
    expect(await rowOf({ state })).toBeUndefined();
  });

  it('says up to when its lane has settled', async () => {
    await insertSale(database.db, { id: 'sal_age', product: 'prd_2', allotted: 1 });
    const ages = await database.db.query(
      `SELECT as_of FROM sale.storefront WHERE product_id = 'prd_2'`,
    );
    expect(ages).toEqual([{ as_of: new Date(1_767_355_200_000) }]);
  });

  it('follows every row of a unit that is written, changed or deleted', async () => {
    const { db } = database;
    const id = 'sal_counted';
    await insertSale(db, { id, product: 'prd_4', allotted: 10, claimed: 3, freed: 2 });
    const claimed = async (text: string): Promise<unknown> => {
      await db.run(text);
      const [row] = await db.query<Row>('SELECT claimed FROM sale.storefront WHERE sale_id = $1', [
        id,
      ]);
      return row?.claimed;
    };
    const of = `WHERE sale_id = '${id}' AND`;
    expect(await claimed(`UPDATE sale.units SET order_id = 'ord_x' ${of} number > 3`)).toBe(5);
    expect(await claimed(`UPDATE sale.units SET order_id = 'ord_y' ${of} number > 3`)).toBe(5);
    expect(await claimed(`UPDATE sale.units SET order_id = NULL ${of} number IN (1, 5)`)).toBe(3);
    expect(
      await claimed(
        `INSERT INTO sale.units VALUES ('${id}', 0, 1, 'ord_z'), ('${id}', 0, 6, 'ord_z')
         ON CONFLICT (sale_id, item, number) DO UPDATE SET order_id = excluded.order_id`,
      ),
    ).toBe(5);
    expect(await claimed(`DELETE FROM sale.units ${of} number IN (5, 6)`)).toBe(4);
  });

  it('finds the sales of a product by index, and counts no units', async () => {
    await database.db.run('ANALYZE sale.units, sale.sale_items');
    const plan = await database.db.tx(async (q) => {
      await q.run('SET LOCAL enable_seqscan = off');
      return q.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT * FROM sale.storefront WHERE product_id = ANY(ARRAY['prd_2'])`,
      );
    });
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect(text).toContain('sale_items_product');
    expect(text).not.toContain('units');
  });
});
