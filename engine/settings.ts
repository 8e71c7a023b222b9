/** What `format` made once and every process reads: secrets, number of lanes, currency. */
import { createHash } from 'node:crypto';
import { Fault } from '../platform/fault.ts';
import type { Query } from '../platform/postgres/db.ts';

export interface Settings {
  readonly idSecret: string;
  /** Names this deployment in its lanes' markers: another one's Redis is refused. */
  readonly deployment: string;
  readonly tokenSecret: string;
  readonly lanes: number;
  readonly currency: string;
}

/** Of whoever knows the id secret; gives nothing of it away. */
export const deploymentOf = (idSecret: string): string =>
  createHash('sha256').update(idSecret).digest('hex').slice(0, 16);

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
  const idSecret = of('id_secret');
  return {
    idSecret,
    deployment: deploymentOf(idSecret),
    tokenSecret: of('token_secret'),
    lanes: Number(of('lanes')),
    currency: of('currency'),
  };
}
