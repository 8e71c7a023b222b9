/** What the demo is told on its command line. */
import { parseArgs } from 'node:util';
import { refusedAsUsage, UsageError, whole } from '../arguments.ts';
import { defaultDir } from '../stack-info.ts';

export interface DemoOptions {
  readonly shoppers: number;
  readonly units: number;
  /** Share (0–1) of the first winners that pay. */
  readonly pay: number;
  /** `line`: they come before the bell and are drawn; `open`: all strike at once. */
  readonly mode: 'line' | 'open';
  readonly plain: boolean;
  /** Folder of the running stack's stack.json. */
  readonly stack: string;
  readonly help: boolean;
}

export const usage = `
node dist/bench/demo/main.js [--shoppers N] [--units N] [--pay SHARE] [--mode MODE]
                             [--plain] [--stack DIR]

A crowd buys at the bell from a running stack.

  --shoppers N  how many shoppers strike (default 20000)
  --units N     how many units there are (default 1000)
  --pay SHARE   share of the first winners that pay, 0 to 1 (default 0.8); the others let their
                hold expire, and who comes back for those units pays
  --mode MODE   line (default): the crowd joins before the bell over sockets, is drawn, and is
                admitted in the order of its numbers; open: all strike over HTTP in the first instant
  --plain       lines instead of a picture (the default without a terminal)
  --stack DIR   folder with the stack.json of the stack (default .highnoon)

Exit code 0: every unit was sold at most once, and the audit holds.
`;

/** Throws a UsageError that names the option. */
export function readOptions(args: readonly string[]): DemoOptions {
  const values = parsed(args);
  return {
    shoppers: whole('shoppers', values.shoppers ?? '20000', 1, 1_000_000),
    units: whole('units', values.units ?? '1000', 1, 1_000_000),
    pay: share('pay', values.pay ?? '0.8'),
    mode: modeOf(values.mode ?? 'line'),
    plain: values.plain ?? false,
    stack: values.stack ?? defaultDir,
    help: values.help ?? false,
  };
}

function parsed(args: readonly string[]) {
  return refusedAsUsage(
    () =>
      parseArgs({
        args: [...args],
        options: {
          shoppers: { type: 'string' },
          units: { type: 'string' },
          pay: { type: 'string' },
          mode: { type: 'string' },
          plain: { type: 'boolean' },
          stack: { type: 'string' },
          help: { type: 'boolean', short: 'h' },
        },
      }).values,
  );
}

function modeOf(text: string): DemoOptions['mode'] {
  if (text === 'line' || text === 'open') return text;
  throw new UsageError(`--mode is line or open, not ${text}`);
}

function share(name: string, text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= 0 && value <= 1)) {
    throw new UsageError(`--${name} is a share from 0 to 1, not ${text}`);
  }
  return value;
}
