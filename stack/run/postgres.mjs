/**
 * Our own Postgres: made at the first start with a password of its own, durable as it comes
 * (fsync, full_page_writes and synchronous_commit stay on), and run by an ordinary user when we
 * are root.
 */
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../base/command.mjs';
import { StackError } from '../base/errors.mjs';
import { postgresDir, postgresUser } from '../base/paths.mjs';
import { postgresServes } from '../base/probe.mjs';

const role = 'highnoon';
const stopMs = 15_000;
const socketPathMax = 90; // the system's limit is 107, with the socket's own name

/** @typedef {import('../get/postgres.mjs').PostgresBinaries} PostgresBinaries */

/**
 * @typedef {object} PostgresOrder
 * @property {PostgresBinaries} binaries
 * @property {string} dir the `.highnoon` folder
 * @property {string} logFile
 * @property {number} port
 * @property {number} maxConnections
 * @property {boolean} low runs at low priority
 */

/** @param {PostgresBinaries} binaries @returns {NodeJS.ProcessEnv} */
function environment({ env }) {
  // PGDATA, PGPORT and the like in our environment are about some other server.
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(own), LC_ALL: 'C', TZ: 'UTC', ...env };
}

/** @param {PostgresOrder} order @param {string} data @param {string} password */
async function initialise({ binaries, dir }, data, password) {
  const user = postgresUser();
  const aside = `${data}.part`;
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  const passwordFile = join(dirname(data), `password.${process.pid}`);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user) for (const file of [aside, passwordFile]) chownSync(file, user.uid, user.gid);
  const as = { cwd: aside, env: environment(binaries), ...(user ?? {}) };
  // Sorted by code point, but letters of every language have a lower case.
  const ctype = process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8';
  const args = ['-D', aside, '-U', role, '-E', 'UTF8', '--locale=C', `--lc-ctype=${ctype}`];
  // Each new segment is filled with zeros and synced: 16 MB at once keep the disk from all others.
  const log = ['--wal-segsize=1'];
  const access = ['-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  try {
    await run(join(binaries.bin, 'initdb'), [...args, ...log, ...access], as);
    const single = ['--single', '-D', aside, 'postgres'];
    const input = `CREATE DATABASE ${role};\n`;
    await run(join(binaries.bin, 'postgres'), single, { ...as, input });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  writeFileSync(join(dir, 'postgres.password'), password, { mode: 0o600 });
  renameSync(aside, data);
}

/** Data without its password belonged to a folder that was deleted: kept once, out of the way. */
function setAside(/** @type {string} */ data) {
  rmSync(`${data}.old`, { recursive: true, force: true });
  renameSync(data, `${data}.old`);
}

/**
 * Makes the cluster if there is none.
 * @param {PostgresOrder} order @param {(line: string) => void} say
 * @returns {Promise<{ spec: import('./supervised.mjs').ProcessSpec, url: string }>}
 */
export async function postgresSpec(order, say) {
  const { binaries, dir, logFile, port, maxConnections, low } = order;
  const user = postgresUser();
  const data = postgresDir(dir, user);
  const passwordFile = join(dir, 'postgres.password');
  mkdirSync(dirname(data), { recursive: true });
  if (existsSync(data) && !existsSync(passwordFile)) {
    say(`  … postgres: ${data} is not of this folder's life; it is now ${data}.old`);
    setAside(data);
  }
  if (!existsSync(data)) await initialise(order, data, randomBytes(18).toString('base64url'));
  const made = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (!binaries.version.startsWith(`${made}.`)) {
    const lines = ['Install that version again, or delete the data with: npm run reset'];
    throw new StackError(`${data} was made by PostgreSQL ${made}, not ${binaries.version}.`, {
      lines,
    });
  }
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: data.length > socketPathMax ? '' : data,
    shared_buffers: '128MB',
    // As with segments of 16 MB, by whose size initdb would set these.
    max_wal_size: '1GB',
    min_wal_size: '80MB',
    max_connections: maxConnections,
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const password = readFileSync(passwordFile, 'utf8');
  return {
    url: `postgres://${role}:${password}@127.0.0.1:${port}/${role}`,
    spec: {
      name: 'postgres',
      command: join(binaries.bin, 'postgres'),
      args: ['-D', data, ...flags],
      env: environment(binaries),
      cwd: data,
      logFile,
      user,
      low,
      stopSignal: 'SIGINT', // "fast": does not wait until every client has left
      stopMs,
      ready: () => postgresServes('127.0.0.1', port),
    },
  };
}
