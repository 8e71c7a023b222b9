/**
 * Whether early and late joiners of a draw had equal chances, recounted from what was drawn: by tenths of
 * the order of joining, the mean number, and how many are among the first tenth of the numbers.
 */
import { createDb } from '../../platform/postgres/pool.ts';
import type { SaleId } from '../../engine/index.ts';

const tenths = 10;
const statementTimeoutMs = 120_000;

interface Tenth {
  readonly tickets: number;
  readonly mean: number;
  readonly first: number;
}

/**
 * How far the luckiest or unluckiest tenth is from what chance gives it, in standard errors. Of twenty such
 * figures of a fair draw one is beyond 4.5 in 7,000 draws.
 */
export async function unfairness(
  databaseUrl: string,
  sale: SaleId,
  count: number,
): Promise<number> {
  const db = createDb(databaseUrl, { max: 1, statementTimeoutMs, name: 'bench' });
  try {
    const rows = await db.query<Tenth>(
      `SELECT count(*) AS tickets, avg(number)::float8 AS mean,
              count(*) FILTER (WHERE number <= $2::bigint / ${tenths}) AS first
         FROM (SELECT u.index * ${tenths} / $2::bigint AS tenth, n.first + u.place - 1 AS number
                 FROM sale.line_numbers n
                CROSS JOIN LATERAL unnest(n.indexes) WITH ORDINALITY AS u(index, place)
                WHERE n.sale_id = $1) drawn
        GROUP BY tenth`,
      [sale, count],
    );
    if (rows.length !== tenths) throw new Error(`${rows.length} tenths of joiners were drawn`);
    return Math.max(...rows.flatMap((tenth) => errorsOf(tenth, count)));
  } finally {
    await db.close();
  }
}

/** Drawn without putting back, so both spread less than of as many dice. */
function errorsOf({ tickets, mean, first }: Tenth, count: number): number[] {
  const rest = (count - tickets) / (count - 1);
  const meanError = Math.sqrt(((count ** 2 - 1) / 12 / tickets) * rest);
  const share = Math.floor(count / tenths) / count;
  const firstError = Math.sqrt(tickets * share * (1 - share) * rest);
  return [
    Math.abs(mean - (count + 1) / 2) / meanError,
    Math.abs(first - tickets * share) / firstError,
  ];
}
