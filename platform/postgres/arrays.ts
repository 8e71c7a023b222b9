/**
 * Arrays as Postgres reads them, for statements that take thousands of rows: pg itself looks at each
 * element with two regular expressions, which is a third of what a settlement costs its worker.
 */

/** For `int[]`, `bigint[]`. Null is NULL. */
export function numberArray(values: readonly (number | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

/** For `text[]`; any strings. */
export function textArray(values: readonly string[]): string {
  if (values.length === 0) return '{}';
  // Looked at once for all: hardly ever is there anything to escape.
  const special = /["\\]/.test(values.join('\n'));
  const safe = special ? values.map((value) => value.replace(/["\\]/g, '\\$&')) : values;
  return `{"${safe.join('","')}"}`;
}
