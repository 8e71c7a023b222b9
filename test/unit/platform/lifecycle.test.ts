/** The life of a process, with real ones: how it starts, stops and with which code it exits. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import ts from 'typescript';
import { projectRoot } from '../../../platform/config.ts';

let folder: string;

/** Node 20 runs no TypeScript, so the few files are translated into a folder of the test's own. */
beforeAll(() => {
  const cache = join(projectRoot(), 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'highnoon-lifecycle-'));
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    rewriteRelativeImportExtensions: true,
  };
  for (const file of ['lifecycle', 'config', 'log']) {
    const source = readFileSync(join(projectRoot(), 'platform', `${file}.ts`), 'utf8');
    const { outputText } = ts.transpileModule(source, { compilerOptions });
    put(`platform/${file}.js`, outputText);
  }
  put('package.json', '{"type":"module"}');
  cpSync(join(projectRoot(), 'stack'), join(folder, 'stack'), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

interface Run {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  readonly ended: Promise<{ code: number | null; out: string }>;
}

let runs = 0;

/** Starts a role whose start function is this text. */
function role(start: string, env: Record<string, string> = {}): Run {
  runs += 1;
  const name = `role-${runs}.mjs`;
  put(
    name,
    `import { runRole } from './platform/lifecycle.js';
     import { loadConfig } from './platform/config.js';
     runRole('test', async () => { ${start} });`,
  );
  const child = fork(join(folder, name), [], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], ...env },
    execArgv: [],
  });
  let out = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message) => {
      if ((message as { ready?: boolean }).ready === true) resolve();
    });
  });
  // `close` never comes after a disconnect of ours, so the exit and the ends of its output do.
  const ended = Promise.all([
    new Promise<number | null>((resolve) => child.on('exit', resolve)),
    ...[child.stdout, child.stderr].map((s) => new Promise((resolve) => s?.on('end', resolve))),
  ]).then(([code]) => ({ code, out }));
  return { child, ready, ended };
}

const alive = 'const t = setInterval(() => {}, 1000);';

describe('a process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says that it is ready, and closes by %s',
    async (signal) => {
      const { child, ready, ended } = role(
        `${alive} return { async close() { console.log('closed'); clearInterval(t); } };`,
      );
      await ready;
      child.kill(signal);
      const { code, out } = await ended;
      expect(code).toBe(0);
      expect(out).toContain('closed');
    },
  );

  it('does not outlive its starter', async () => {
    const { child, ready, ended } = role(`${alive} return { async close() {} };`);
    await ready;
    child.disconnect();
    expect((await ended).code).toBe(0);
  });

  it('told to stop while starting closes what it started', async () => {
    const { child, ended } = role(
      `${alive} console.log('begun'); await new Promise(r => setTimeout(r, 500));
       return { async close() { console.log('closed'); } };`,
    );
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
    child.kill('SIGTERM');
    const { code, out } = await ended;
    expect([code, out.includes('closed')]).toEqual([0, true]);
  });

  it('with a wrong configuration says all of it, and exits with 2', async () => {
    const { ended } = role('loadConfig(); return { async close() {} };', { PORT: 'x', LANES: '0' });
    const { code, out } = await ended;
    expect(code).toBe(2);
    expect(out).toMatch(/PORT: .*\n.*LANES: /);
    expect(out).not.toContain(' at ');
  });

  it('that cannot start exits with 1', async () => {
    const { ended } = role(`throw new Error('no store');`);
    const { code, out } = await ended;
    expect([code, out.includes('no store')]).toEqual([1, true]);
  });

  it.each([
    ['an exception', `setTimeout(() => { throw new Error('lost'); }, 50);`],
    ['a rejection', `setTimeout(() => Promise.reject(new Error('lost')), 50);`],
  ])('that nobody guards ends by %s', async (_, text) => {
    const { ended } = role(`${alive} ${text} return { async close() {} };`);
    const { code, out } = await ended;
    expect([code, out.includes('lost')]).toEqual([1, true]);
  });

  it('that does not close cleanly exits with 1', async () => {
    const { child, ready, ended } = role(
      `${alive} return { close: () => Promise.reject(new Error('stuck')) };`,
    );
    await ready;
    child.kill('SIGTERM');
    expect((await ended).code).toBe(1);
  });
});
