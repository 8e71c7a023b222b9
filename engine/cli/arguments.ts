/** Arguments of the commands: `--help` prints and ends 0, anything unknown ends 2. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

export const exitWith = { held: 0, violated: 1, unchecked: 2 } as const;

/** Parsed arguments, or ends the process with the usage. */
export function readArguments<T extends ParseArgsConfig>(
  usage: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  try {
    const parsed = parseArgs(config);
    if ((parsed.values as Record<string, unknown>)['help'] === true) {
      process.stdout.write(`${usage}\n`);
      process.exit(0);
    }
    return parsed;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    process.exit(exitWith.unchecked);
  }
}
