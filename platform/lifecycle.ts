/**
 * The life of a process: start, say so, stop on request within a deadline, never outlive the
 * starter, never go on after an error that nobody caught.
 */
import { ConfigError, logLevelOf, processNameOf } from './config.ts';
import { createLog } from './log.ts';
import type { Log } from './log.ts';

export interface Role {
  close(): Promise<void>;
}

export const closeDeadlineMs = 10_000;

export const exitCodes = { ok: 0, failed: 1, misconfigured: 2 } as const;

/**
 * Runs a role until SIGTERM, SIGINT or the starter's end. Exit 0 after a clean close, 1 after a
 * fault or a missed deadline, 2 for a wrong configuration.
 */
export function runRole(name: string, start: () => Promise<Role>): void {
  const life = new Life(createLog(processNameOf(name), logLevelOf()));
  process.on('SIGTERM', () => life.stop('SIGTERM', exitCodes.ok));
  process.on('SIGINT', () => life.stop('SIGINT', exitCodes.ok));
  process.on('uncaughtException', (error) => life.crash(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => life.crash(error, 'unhandled rejection'));
  if (process.send !== undefined) {
    process.on('disconnect', () => life.stop('the starter is gone', exitCodes.ok));
  }
  Promise.resolve()
    .then(start)
    .then(
      (role) => life.started(role),
      (error: unknown) => life.failedToStart(error),
    );
}

/** starting → running → stopping → exit; a stop asked for while starting waits for the start. */
class Life {
  readonly #log: Log;
  #role: Role | null = null;
  #stopping = false;
  #exitCode: number = exitCodes.ok;

  constructor(log: Log) {
    this.#log = log;
  }

  started(role: Role): void {
    this.#role = role;
    if (this.#stopping) {
      void this.#close();
      return;
    }
    this.#log.info('started');
    process.send?.({ ready: true });
  }

  failedToStart(error: unknown): void {
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(exitCodes.misconfigured);
    }
    this.#log.fatal({ err: error }, 'could not start');
    process.exit(exitCodes.failed);
  }

  stop(reason: string, exitCode: number): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#exitCode = exitCode;
    this.#log.info({ reason }, 'stopping');
    setTimeout(() => {
      this.#log.error({ closeDeadlineMs }, 'did not close in time');
      process.exit(exitCodes.failed);
    }, closeDeadlineMs).unref();
    if (this.#role !== null) void this.#close();
  }

  /** The state is unknown, so nothing is closed in good order: what is durable survives a crash. */
  crash(error: unknown, what: string): void {
    this.#log.fatal({ err: error }, what);
    process.exit(exitCodes.failed);
  }

  async #close(): Promise<void> {
    try {
      await this.#role?.close();
      this.#log.info('stopped');
      process.exit(this.#exitCode);
    } catch (error) {
      this.#log.error({ err: error }, 'did not close cleanly');
      process.exit(exitCodes.failed);
    }
  }
}
