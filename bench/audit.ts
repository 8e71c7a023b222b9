/** `highnoon audit` as a process of its own, over the stack that our environment names. */
import { spawn } from 'node:child_process';

export interface AuditVerdict {
  readonly ok: boolean;
  readonly text: string;
}

const notBuiltCode = 2;

/** `output`: where it prints, `inherit` = our own. */
export function audit(
  output: 'inherit' | typeof process.stderr = 'inherit',
): Promise<AuditVerdict> {
  const file = 'stack/cli/highnoon.mjs';
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, 'audit'], {
      stdio: ['ignore', output, 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(verdictOf(code)));
  });
}

function verdictOf(code: number | null): AuditVerdict {
  if (code === 0) return { ok: true, text: 'holds' };
  if (code === notBuiltCode) return { ok: false, text: 'could not be run (exit code 2)' };
  return { ok: false, text: `FAILED (exit code ${code ?? 'none'})` };
}
