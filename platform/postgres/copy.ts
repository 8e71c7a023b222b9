/**
 * Rows by COPY, for what is written by the thousand: measured against `INSERT … SELECT unnest(…)`, it
 * halves what Postgres spends on a settlement (docs/decisions/0035-new-rows-by-copy.md).
 */
import { finished } from 'node:stream/promises';
import { from } from 'pg-copy-streams';
import type { ClientBase } from 'pg';

const special = /[\\\t\n\r]/;

/** A value of a line: backslashes, tabs and ends of lines are what the text format is made of. */
export const copyText = (value: string): string =>
  special.test(value) ? value.replace(/[\\\t\n\r]/g, escaped) : value;

/** As the text format has NULL. */
export const copyNull = '\\N';

const names: Readonly<Record<string, string>> = { '\t': 't', '\n': 'n', '\r': 'r' };
const escaped = (found: string): string => `\\${names[found] ?? found}`;

/** Runs `COPY … FROM STDIN` (text format); each of `lines` ends in a newline. */
export async function copyLines(client: ClientBase, text: string, lines: string): Promise<void> {
  const stream = client.query(from(text));
  stream.end(lines);
  await finished(stream);
}
