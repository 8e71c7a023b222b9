/**
 * npm, as the one that runs us if it does.
 */
import { run } from '../base/command.mjs';

/**
 * @param {string[]} args
 * @param {import('../base/command.mjs').CommandOptions} [options]
 */
export function npm(args, options = {}) {
  const cli = process.env['npm_execpath'];
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  // Its own waits add up to minutes before it says that there is no network.
  quiet.push('--fetch-retry-mintimeout=2000', '--fetch-retry-maxtimeout=10000');
  // NODE_ENV=production would leave out the compiler.
  const { NODE_ENV: _, ...env } = options.env ?? process.env;
  return cli?.endsWith('.js')
    ? run(process.execPath, [cli, ...args, ...quiet], { ...options, env })
    : run('npm', [...args, ...quiet], { ...options, env });
}
