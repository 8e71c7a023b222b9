/** The real server behind the simulated Postgres: its clock is ours, and so are its connections. */
import { Client, type ClientConfig } from 'pg';
import { getTypeParser } from '../../../platform/postgres/types.ts';

/** Schema whose `now()` stands before the server's own. */
const clockSchema = `
  CREATE SCHEMA IF NOT EXISTS simulated;
  CREATE SEQUENCE IF NOT EXISTS simulated.stamps;
  CREATE OR REPLACE FUNCTION simulated.now() RETURNS timestamptz STABLE LANGUAGE sql AS
    $$ SELECT to_timestamp(current_setting('simulated.now')::bigint / 1000.0) $$;
  CREATE OR REPLACE FUNCTION simulated.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql AS
    $$ SELECT simulated.now() + nextval('simulated.stamps') * interval '1 microsecond' $$;`;

/** Makes a database's new connections, and defaults of tables that are made by them, follow our time. */
export async function steerClock(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const name = client.escapeIdentifier(client.database ?? '');
  await client.query(clockSchema);
  await client.query(`ALTER DATABASE ${name} SET search_path = simulated, pg_catalog, public`);
  await client.query(`ALTER DATABASE ${name} SET "simulated.now" = '0'`);
  // What a crash of the real server would lose is nobody's: a run ends with it.
  await client.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
  await client.end();
}

/**
 * The connections of a simulation: a lock is never waited for, a plan never depends on the past. By the
 * server's socket in `folder`, '' = it has none.
 */
export async function openSeats(url: string, folder: string, count: number): Promise<Client[]> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const options: ClientConfig = {
    host: folder.startsWith('/') ? folder : hostname,
    port: Number(port),
    user: username,
    database: pathname.slice(1),
    types: { getTypeParser },
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
  const seats: Client[] = [];
  for (let i = 0; i < count; i++) {
    const client = new Client(options);
    await client.connect();
    await client.query(
      `SET lock_timeout = 1; SET plan_cache_mode = force_generic_plan; SET jit = off`,
    );
    seats.push(client);
  }
  return seats;
}
