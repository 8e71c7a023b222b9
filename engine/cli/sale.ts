/** `highnoon sale list|show|unfreeze`: exit 0 = shown, or the sale takes commands again. */
import { isSaleId } from '../domain/ids.ts';
import { scriptOf } from '../lane-set.ts';
import { listSales, readLaneView, readSale, type LaneView, type SaleRow } from '../sale-view.ts';
import { topicsOf } from '../topics.ts';
import { faultOf, unfreeze, type Unfrozen } from '../unfreeze.ts';
import { exitWith, readArguments } from './arguments.ts';
import { jsonRows } from './json-rows.ts';
import { progressLine } from './progress.ts';
import { misused, runCommand, withStores, type Stores } from './run.ts';

const usage = `highnoon sale list [--all] [--json]
highnoon sale show SALE [--json]
highnoon sale unfreeze SALE [--wait SECONDS] [--json]

  list       flash sales that have not ended, the latest first; --all: every sale
  show       a sale as Postgres has it, and what its lane counts
  unfreeze   ends the freeze of a sale in which a script failed. First it recounts the sale and
             compares it with Postgres; what does not add up is shown, and the sale stays frozen
  --wait N   seconds to wait until what the lane has decided has settled (30)
  --json     one JSON document (of list an array)
Exit 0: shown; the sale takes commands. 1: no such sale, or it stays frozen. 2: not done.`;

interface Asked {
  readonly sale: string;
  readonly all: boolean;
  readonly waitMs: number;
  readonly json: boolean;
}

const write = (text: string): void => void process.stdout.write(`${text}\n`);

function lineOf(row: SaleRow, fault: string | null): string {
  const units = row.items.reduce((sum, item) => sum + item.allotted, 0);
  const until = row.ends_at === null ? 'no end' : row.ends_at.toISOString();
  const frozen = fault === null || fault === '' ? '' : '  FROZEN';
  const window = `${row.starts_at.toISOString()} – ${until}`;
  return `${row.id}  ${row.kind}  ${row.state}  lane ${row.lane}  ${units} units  ${window}${frozen}`;
}

async function list({ db, redis }: Stores, { all, json }: Asked): Promise<number> {
  const rows = jsonRows();
  for (const row of await listSales(db, !all)) {
    const fault = await faultOf(redis, row.id);
    if (json) rows.row({ ...row, frozen: fault ?? '' });
    else write(lineOf(row, fault));
  }
  if (json) rows.end();
  return exitWith.held;
}

function detailsOf(row: SaleRow, lane: LaneView | null): string[] {
  const lines = [lineOf(row, lane?.frozen ?? ''), `  vendor ${row.vendor}`];
  if (lane === null) return [...lines, '  its lane does not have it'];
  lines.push(`  lane: ${lane.state}, ${lane.expired} units expired, ${lane.released} released`);
  for (const [i, item] of row.items.entries()) {
    const counts = lane.items[i];
    const { allotted = 0, available = 0, held = 0, sold = 0 } = counts ?? {};
    const counted = `${allotted} allotted = ${available} available + ${held} held + ${sold} sold`;
    lines.push(`  item ${i}  ${item.product} at ${item.price}: ${counted}`);
  }
  if (lane.frozen !== '') lines.push(`  frozen: ${lane.frozen}`);
  return lines;
}

async function show({ db, redis }: Stores, { sale, json }: Asked): Promise<number> {
  const row = await readSale(db, sale);
  if (row === null) return missing(sale);
  const lane = await readLaneView(redis, sale);
  write(json ? JSON.stringify({ ...row, lane_counts: lane }) : detailsOf(row, lane).join('\n'));
  return exitWith.held;
}

function missing(sale: string): number {
  process.stderr.write(`there is no sale ${sale}\n`);
  return exitWith.violated;
}

function wordsOf(result: Unfrozen): string {
  switch (result.kind) {
    case 'thawed':
      return `takes commands again; it was frozen by: ${result.fault}`;
    case 'not_frozen':
      return 'is not frozen';
    case 'no_sale':
      return 'is not in its lane';
    case 'wrong':
      return [
        'STAYS FROZEN: it does not add up',
        ...result.violations.map(({ id, says }) => `    ${id}: ${says}`),
      ].join('\n');
    case 'faulted':
      return `STAYS FROZEN: another fault has happened since: ${result.why}`;
    case 'unreadable':
      return `STAYS FROZEN: ${result.why}`;
    case 'lane_shut':
      return `STAYS FROZEN: its lane does not serve (${result.why})`;
  }
}

async function thaw(stores: Stores, { sale, waitMs, json }: Asked): Promise<number> {
  const { db, redis, kafka, config } = stores;
  if ((await readSale(db, sale)) === null) return missing(sale);
  const progress = progressLine();
  const topic = topicsOf(config.topicPrefix).orders;
  const result = await unfreeze(
    {
      stores: { db, redis, kafka, topic },
      script: scriptOf('unfreeze'),
      waitMs,
      say: (line) => progress.show(line),
    },
    sale,
  );
  progress.clear();
  write(json ? JSON.stringify({ sale, ...result }) : `${sale} ${wordsOf(result)}`);
  const serves = result.kind === 'thawed' || result.kind === 'not_frozen';
  return serves ? exitWith.held : exitWith.violated;
}

const verbs = { list, show, unfreeze: thaw } as const;

async function main(): Promise<number> {
  const { values, positionals } = readArguments(usage, {
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      wait: { type: 'string', default: '30' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [verb = '', sale, ...rest] = positionals;
  if (verb !== 'list' && verb !== 'show' && verb !== 'unfreeze') {
    return misused('sale: list, show or unfreeze?', usage);
  }
  if (rest.length > 0 || (verb === 'list') !== (sale === undefined)) {
    return misused(`sale ${verb} takes ${verb === 'list' ? 'no' : 'one'} SALE`, usage);
  }
  if (sale !== undefined && !isSaleId(sale)) return misused(`${sale} is no sale`, usage);
  if (!/^\d{1,5}$/.test(values.wait)) {
    return misused(`--wait: ${values.wait} is no number of seconds`, usage);
  }
  const waitMs = Number(values.wait) * 1000;
  const asked: Asked = { sale: sale ?? '', all: values.all, waitMs, json: values.json };
  return withStores('sale', (stores) => verbs[verb](stores, asked));
}

runCommand('sale', main);
