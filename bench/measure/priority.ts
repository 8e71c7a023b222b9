/**
 * The generator as a batch process (SCHED_BATCH): it never takes the CPU from the server by waking
 * up. On one machine each answer would wake it in the middle of the server's next one, which no
 * client at the other end of a wire does; both then pay for two switches an answer.
 */
import { spawnSync } from 'node:child_process';

/** What this process is in a scenario: the load on a server, or the engine itself. */
export type Part = 'generator' | 'engine';

/**
 * Of this process, or of a child: one that serves would inherit the generator's part. Without
 * `chrt`, or without the right to, everything stays as it is.
 */
export function playPart(part: Part, pid = process.pid): void {
  const policy = part === 'generator' ? '--batch' : '--other';
  const args = [policy, '--all-tasks', '--pid', '0', String(pid)];
  spawnSync('chrt', args, { stdio: 'ignore' });
}
