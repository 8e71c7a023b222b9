/** What `format` made once and every process reads: secrets, number of lanes, currency. */
import { Fault } from '../platform/fault.ts';
import type { Query } from '../platform/postgres/db.ts';

export interface Settings {
  readonly idSecret: string;
  readonly tokenSecret: string;
  readonly lanes: number;
  readonly currency: string;
}

export async function readSettings(q: Query): Promise<Settings> {
  const rows = await q.query<{ name: string; value: string }>(
    'SELECT name, value FROM platform.settings',
  );
  const of = (name: string): string => {
    const value = rows.find((r) => r.name === name)?.value;
    if (value === undefined) {
      throw new Fault('postgres', `not formatted: no setting ${name}`, { retryable: true });
    }
    return value;
  };
  return {
    idSecret: of('id_secret'),
    tokenSecret: of('token_secret'),
    lanes: Number(of('lanes')),
    currency: of('currency'),
  };
}
