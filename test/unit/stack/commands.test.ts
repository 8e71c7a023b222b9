// What `npx highnoon` answers before any stack is looked for.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { root } from '../docs/pages.ts';

const run = (...args: string[]) =>
  spawnSync(process.execPath, ['stack/cli/highnoon.mjs', ...args], { cwd: root, encoding: 'utf8' });

it.each(['rehearse'])('%s says that it is not built yet', (command) => {
  const { status, stderr, stdout } = run(command, 'anything');
  expect(stderr).toContain(`${command} is not built yet`);
  expect([status, stdout]).toEqual([2, '']);
});

it.each(['rehearse'])('%s tells what it will be for when asked, and is in the list', (command) => {
  const { status, stdout } = run(command, '--help');
  expect(stdout).toContain(`highnoon ${command} [options]`);
  expect(stdout).toContain('Not built yet');
  expect(status).toBe(0);
  expect(run('--help').stdout).toMatch(new RegExp(`^  ${command} .*not built yet`, 'm'));
});

it('refuses a command that it does not know, with those that there are', () => {
  const { status, stderr } = run('audlt');
  expect(stderr).toContain('audlt is not a command');
  expect(stderr).toContain('recount all three stores');
  expect(status).toBe(2);
});
