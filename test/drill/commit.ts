/** Which code a drill runs: a run that is taken up over other code proves nothing of either. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';

const git = (...args: readonly string[]): string =>
  execFileSync('git', args, {
    encoding: 'utf8',
    maxBuffer: 256 * 2 ** 20,
    stdio: ['ignore', 'pipe', 'ignore'],
  });

/**
 * Short hash of the commit of the clone that we are started in; `+` and a digest of the changes when
 * its files differ from it, texts apart; `unknown` outside of a clone.
 */
export function commitOf(): string {
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD').trim();
    const changes = git('diff', 'HEAD', '--', '.', ':(exclude)*.md');
    if (changes === '') return commit;
    return `${commit}+${createHash('sha256').update(changes).digest('hex').slice(0, 8)}`;
  } catch {
    return 'unknown';
  }
}
