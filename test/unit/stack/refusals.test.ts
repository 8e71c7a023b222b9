/** What the starter refuses before it installs or starts anything, and in which words. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StackError } from '../../../stack/base/errors.mjs';
import { lockHolder, tryLock } from '../../../stack/base/lock.mjs';
import { cannotInstall, firstWay } from '../../../stack/get/hints.mjs';
import { root } from '../docs/pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'highnoon-stack-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** `npm start` without npm, in a folder of its own. */
function start(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, ['stack/start.mjs'], {
    cwd: root,
    env: { PATH, HIGHNOON_DIR: join(folder, 'data'), ...env },
  });
  let said = '';
  const take = (chunk: Buffer): void => {
    said += chunk.toString();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, said });
    });
  });
}

describe('npm start', () => {
  it('refuses each wrong variable by name, and makes nothing', async () => {
    const { code, said } = await start({ PORT: 'abc', LANES: '0', KAFKA_BROKERS: 'here' });
    expect(code).toBe(2);
    for (const name of ['PORT', 'LANES', 'KAFKA_BROKERS']) expect(said).toMatch(`${name}: "`);
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  it('names who holds a port', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const env = { PORT: String(port), CATALOG_PORT: '0', OPS_PORT: '0' };
    const { code, said } = await start(env);
    server.close();
    expect(code).toBe(1);
    expect(said).toContain(`PORT: ${port} is held by process ${process.pid}`);
    expect(existsSync(join(folder, 'data', 'start.lock'))).toBe(false);
  });
});

describe('what cannot be got', () => {
  it('is answered with every way that failed, and with commands', async () => {
    const fail = (): never => {
      throw new StackError('no network', { lines: ['    the last line'] });
    };
    const ways: [string, () => null][] = [
      ['on PATH', () => null],
      ['by apt', fail],
    ];
    const error: unknown = await firstWay('redis', ways).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StackError);
    const text = (error as StackError).lines.join('\n');
    expect(text).toContain('on PATH: not here');
    expect(text).toContain('by apt: no network\n    the last line');
    expect(text).toMatch(/apt-get install .*redis-tools/);
    expect(text).toContain('REDIS_URL=');
  });

  it('of npm says what npm said first', () => {
    const lines = ['    npm error code E', ...Array.from({ length: 30 }, () => '    at x')];
    const { lines: said } = cannotInstall(new StackError('npm ci failed', { lines }));
    expect(said[0]).toBe('    npm error code E');
    expect(said.filter((line) => line === '    at x').length).toBeLessThan(5);
    expect(said.join('\n')).toContain('npm config set proxy');
  });
});

describe('a lock', () => {
  const file = join(folder, 'lock');

  it('names its holder, and is free after it', () => {
    const first = tryLock(file);
    expect(first.holder).toBeNull();
    expect(tryLock(file).holder?.pid).toBe(process.pid);
    first.release?.();
    expect(lockHolder(file)).toBeNull();
  });

  it('of a process that is gone is taken over', () => {
    writeFileSync(file, JSON.stringify({ pid: process.pid, start: 'another life' }));
    const { release, holder } = tryLock(file);
    expect(holder).toBeNull();
    release?.();
  });
});
