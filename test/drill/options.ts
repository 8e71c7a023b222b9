/** What a drill is told on its command line; stack/drill.mjs has the usage. */
import { parseArgs } from 'node:util';
import { refusedAsUsage, whole } from '../../bench/arguments.ts';

export interface DrillOptions {
  /** Names or kinds of faults; none = a whole run. */
  readonly faults: readonly string[];
  readonly count: number;
  readonly seed: number;
  readonly checkEvery: number;
  /** File of results; what it holds of this seed is not run again. */
  readonly results: string;
  /** Of the scenario that fills a lane first. */
  readonly orders: number;
  readonly list: boolean;
  /** Only the table of what the file of results has of this seed. */
  readonly table: boolean;
}

const most = 999_999_999;

/** Throws a UsageError that names the argument. */
export function readOptions(args: readonly string[]): DrillOptions {
  const { values, positionals } = refusedAsUsage(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        list: { type: 'boolean', default: false },
        table: { type: 'boolean', default: false },
        count: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        orders: { type: 'string', default: '500000' },
        'check-every': { type: 'string', default: '10' },
        results: { type: 'string', default: '.highnoon/drill.ndjson' },
      },
    }),
  );
  return {
    faults: positionals,
    list: values.list,
    table: values.table,
    count: whole('count', values.count, 1, most),
    orders: whole('orders', values.orders, 1, most),
    seed: whole('seed', values.seed, 0, most),
    checkEvery: whole('check-every', values['check-every'], 1, most),
    results: values.results,
  };
}
