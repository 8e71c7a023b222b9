/** What the benchmarks are told on their command line. */
import { parseArgs } from 'node:util';
import { refusedAsUsage, UsageError, whole } from './arguments.ts';
import type { ScenarioOptions } from './scenario.ts';
import { defaultDir } from './stack-info.ts';

/** Of `all`; the others take long, or fill a store, so they are asked for by name. */
export const scenarioNames = ['sold-out', 'steady', 'micro'] as const;
export type ScenarioName = (typeof scenarioNames)[number] | (typeof byName)[number];

/** Not among all of them. */
const byName = ['line', 'sockets', 'search', 'page'] as const;

const connectionsDefault = 128;
/** A sold-out sale has a crowd: most of those who come are refused. */
const ownConnections: Partial<Record<ScenarioName, number>> = { 'sold-out': 512, steady: 192 };

/** Of the generator, unless the command line says how many. */
export const connectionsIn = (scenario: ScenarioName): number =>
  ownConnections[scenario] ?? connectionsDefault;

const ownText = Object.entries(ownConnections)
  .map(([scenario, count]) => `${count} in ${scenario}`)
  .join(', ');

export interface BenchOptions extends Omit<ScenarioOptions, 'connections'> {
  /** Null = each scenario's own default. */
  readonly connections: number | null;
  readonly scenarios: readonly ScenarioName[];
  readonly json: boolean;
  /** A bar that does not hold is a failure. */
  readonly strict: boolean;
  readonly stack: string;
  readonly help: boolean;
}

export const usage = `
node dist/bench/main.js [scenario] [options]

  micro     decided holds through the engine as a library: batched, one call each, bare script
  steady    orders through to Postgres with everything running, by two generators
  sold-out  refusals of a sold-out sale against a bare uWebSockets.js route
  line      joins of a line before its bell, and what the next ticket costs as it grows
  sockets   a crowd that waits in a line over sockets: memory, ticks, numbers, a cut of all; holds
            over sockets against a bare uWebSockets.js echo
  search    real queries in a generated shop: rate, latency, relevance, beside two other engines
  page      a product page from memory against a bare uWebSockets.js answer of the same bytes
  all       the first three one after the other (the default)

  --seconds N      of each measured phase, 1 to 120 (default 5)
  --rounds N       alternations where two things are compared, 1 to 50 (default 5)
  --connections N  of the generator, 1 to 10000
                   (default ${ownText}, else ${connectionsDefault})
  --shoppers N     who take part; each takes one unit of a sale, 100 to 100000 (default 40000)
  --tickets N      in the longest line, 10000 to 1000000 (default 100000)
  --sockets N      of the crowd that waits, 100 to 100000 (default 20000)
  --products N     in the shop that is searched, 1000 to 1000000 (default 100000)
  --json           one JSON document on stdout, all else on stderr (with npm run --silent)
  --strict         exit code 1 when a bar does not hold
  --stack DIR      folder with the stack.json of the stack (default .highnoon)

Exit code 0: the audit holds. A run whose audit fails has no number.
`;

/** Throws a UsageError that names the argument. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parsed(args);
  return {
    scenarios: scenariosOf(positionals),
    seconds: whole('seconds', values.seconds ?? '5', 1, 120),
    rounds: whole('rounds', values.rounds ?? '5', 1, 50),
    connections: connectionsOf(values.connections),
    shoppers: whole('shoppers', values.shoppers ?? '40000', 100, 100_000),
    tickets: whole('tickets', values.tickets ?? '100000', 10_000, 1_000_000),
    sockets: whole('sockets', values.sockets ?? '20000', 100, 100_000),
    products: whole('products', values.products ?? '100000', 1000, 1_000_000),
    json: values.json ?? false,
    strict: values.strict ?? false,
    stack: values.stack ?? defaultDir,
    help: values.help ?? false,
  };
}

const connectionsOf = (value?: string): number | null =>
  value === undefined ? null : whole('connections', value, 1, 10_000);

function parsed(args: readonly string[]) {
  return refusedAsUsage(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        connections: { type: 'string' },
        shoppers: { type: 'string' },
        tickets: { type: 'string' },
        sockets: { type: 'string' },
        products: { type: 'string' },
        json: { type: 'boolean' },
        strict: { type: 'boolean' },
        stack: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }),
  );
}

function scenariosOf(names: readonly string[]): readonly ScenarioName[] {
  const [name = 'all', ...more] = names;
  if (more.length > 0) throw new UsageError(`one scenario at a time, not also ${more.join(', ')}`);
  if (name === 'all') return scenarioNames;
  const found = [...scenarioNames, ...byName].find((known) => known === name);
  if (found !== undefined) return [found];
  throw new UsageError(
    `there is no scenario ${name}: micro, steady, sold-out, line, sockets, search, page or all`,
  );
}
