/** `highnoon replay`: exit 0 = every accepted decision follows from the log, 1 = one does not. */
import type { SaleId } from '../domain/types.ts';
import { lanesOf, replayLane, type LaneReplayed } from '../replay/replay.ts';
import { topicsOf } from '../topics.ts';
import { exitWith, readArguments } from './arguments.ts';
import { progressLine } from './progress.ts';
import { misused, runCommand, withStores, type Stores } from './run.ts';

const usage = `highnoon replay [--sale S] [--json]

Proves that the accepted decisions follow from the log: takes each lane's log out of Kafka and the
outbox, decides every event again in the pure model, in the state that the events before it have led
to, and compares what comes out with the lane's records and with Postgres. It changes nothing, and
may run while the system is at work. Its memory grows with the log.
  --sale S   only this sale
  --json     one JSON document
The first difference of each sale is named by position, order and rule. A sale cannot be judged to
its end when the log no longer has its beginning, or a recovery has resolved something of it.
Exit 0: everything follows. 1: something does not. 2: something could not be judged.`;

const shownMax = 20;

function show(lane: LaneReplayed): void {
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  const { differences, unjudged } = lane;
  const ok = differences.length === 0;
  write(
    `lane ${lane.lane}  ${lane.decisions} decisions of ${lane.entries} entries, ${lane.sales} sales, ` +
      `${lane.orders} orders: ${ok ? 'they follow' : `${differences.length} DIFFERENCES`}`,
  );
  for (const { position, sale, order, rule, says } of differences.slice(0, shownMax)) {
    write(`  ${position}  ${order ?? sale ?? 'the lane'}  ${rule}`);
    write(`      ${says}`);
  }
  if (differences.length > shownMax) write(`  and ${differences.length - shownMax} more`);
  for (const { sale, position, why } of unjudged) {
    write(`  ${sale} NOT JUDGED from ${position} on: ${why}`);
  }
}

function exitCodeOf(lanes: readonly LaneReplayed[]): number {
  if (lanes.some(({ differences }) => differences.length > 0)) return exitWith.violated;
  return lanes.some(({ unjudged }) => unjudged.length > 0) ? exitWith.unchecked : exitWith.held;
}

/** How a run ends that did not pass, by its exit code. */
const failedAs: Readonly<Record<number, string>> = {
  [exitWith.violated]: 'FAILED',
  [exitWith.unchecked]: 'incomplete',
};

async function replay(stores: Stores, only: SaleId | null, json: boolean): Promise<number> {
  const { db, redis, kafka, config } = stores;
  const progress = progressLine();
  const topic = topicsOf(config.topicPrefix).orders;
  const lanes: LaneReplayed[] = [];
  for (const lane of await lanesOf(db, only)) {
    const done = await replayLane({ db, redis, kafka, topic }, lane, only, (line) =>
      progress.show(line),
    );
    progress.clear();
    lanes.push(done);
    if (!json) show(done);
  }
  const exitCode = exitCodeOf(lanes);
  const passed = exitCode === exitWith.held;
  if (json) process.stdout.write(`${JSON.stringify({ passed, sale: only, lanes })}\n`);
  else process.stdout.write(`replay ${passed ? 'passed' : failedAs[exitCode]}\n`);
  return exitCode;
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments(usage, {
    allowPositionals: true,
    options: {
      sale: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (positionals.length > 0) return misused('replay takes no arguments', usage);
  const only = values.sale ?? null;
  return withStores('replay', (stores) => replay(stores, only, values.json));
}

runCommand('not replayed', main);
