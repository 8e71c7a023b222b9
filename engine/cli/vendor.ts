/** `highnoon vendor create NAME`: a vendor with its first API key, shown once. */
import { loadConfig } from '../../platform/config.ts';
import { invariant, messageOf } from '../../platform/fault.ts';
import { createDb } from '../../platform/postgres/pool.ts';
import { Vendors } from '../vendors.ts';
import { exitWith, readArguments } from './arguments.ts';

const usage = `highnoon vendor create NAME [--json]

Makes a vendor and its first API key. The key is shown once and kept only as a hash.`;

const nameMax = 200;

async function main(): Promise<number> {
  const { values, positionals } = readArguments(usage, {
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [verb, name, ...rest] = positionals;
  if (verb !== 'create' || name === undefined || rest.length > 0) {
    process.stderr.write(`${usage}\n`);
    return exitWith.unchecked;
  }
  if (name.trim() === '' || name.length > nameMax) {
    throw new Error(`NAME takes 1 to ${nameMax} characters`);
  }
  const config = loadConfig(undefined, ['DATABASE_URL']);
  const db = createDb(config.databaseUrl, { max: 1, name: 'vendor' });
  try {
    const made = await new Vendors(db).create(name);
    invariant(made.kind === 'done' && made.value.key !== null, 'a new vendor has a key');
    const { id, key, keyId } = made.value;
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ id, name, key, key_id: keyId })}\n`
        : `vendor   ${id}\nAPI key  ${key}\n\nThe key is shown only now.\n`,
    );
    return exitWith.held;
  } finally {
    await db.close();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(exitWith.unchecked);
  },
);
