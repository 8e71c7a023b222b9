/**
 * A failure that its reader can act on: printed as words, without a stack trace.
 */

/** Exit codes of every script in stack/. */
export const exitCode = { ok: 0, failed: 1, usage: 2 };

export class StackError extends Error {
  /**
   * @param {string} message one sentence
   * @param {{ lines?: string[], code?: number }} [more] what to show below it; the exit code
   */
  constructor(message, { lines = [], code = exitCode.failed } = {}) {
    super(message);
    this.name = 'StackError';
    this.lines = lines;
    this.code = code;
  }
}

/** @param {unknown} error @returns {string} */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Prints an error as its reader needs it. @param {unknown} error @returns {number} the exit code */
export function report(error) {
  if (error instanceof StackError) {
    process.stderr.write(`\n${[error.message, ...error.lines].join('\n')}\n`);
    return error.code;
  }
  process.stderr.write(`\n${error instanceof Error ? error.stack : String(error)}\n`);
  return exitCode.failed;
}

/**
 * The frame of every script: what it returns is the exit code, what it throws is reported.
 * @param {() => Promise<number>} script
 */
export function runScript(script) {
  script().then(
    (code) => process.exit(code),
    (error) => process.exit(report(error)),
  );
}
