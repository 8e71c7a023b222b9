// The pure model and the real scripts, side by side, over random histories. A failure is shrunk and
// prints its seed; HIGHNOON_SEED runs it again, HIGHNOON_RUNS makes it longer.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { serverRunId } from '../../platform/redis/connection.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { expectKept, keeping } from './lab/kept.ts';
import { LuaLane, scripts } from './lab/lua-lane.ts';
import { sequences } from './lab/sequence.ts';
import { sideBySide, type Seen } from './lab/side-by-side.ts';

const runs = Number(process.env['HIGHNOON_RUNS'] ?? 2000);
const seed = Number(process.env['HIGHNOON_SEED'] ?? Date.now() % 2 ** 31);
const testMs = 600_000;

/** What a run set must have been through at least once, else it has tested nothing. */
const sometimes: Record<string, (seen: Seen) => boolean> = {
  'sold out': replied('sold_out'),
  'replayed a hold': (seen) => pairs(seen).some(([c, r]) => c === 'hold' && r[0] === 'replayed'),
  'replayed an end': (seen) => pairs(seen).some(([c, r]) => c !== 'hold' && r[0] === 'replayed'),
  'reused a key': replied('idempotency_key_reused'),
  'raced an expiry': (seen) =>
    pairs(seen).some(([c, r]) => c === 'pay' && r[0] === 'hold_expired') &&
    happened(seen, 'expired'),
  'reached a limit': replied('limit_reached'),
  'cooled a shopper down': replied('rate_limited'),
  'was overloaded': replied('overloaded'),
  paused: replied('sale_paused'),
  'had not started': replied('sale_not_started'),
  'sold something': (seen) => happened(seen, 'paid'),
  'closed a sale': (seen) => happened(seen, 'closed'),
  'closed in several steps': (seen) => events(seen).some((e) => e[0] === 'closing' && e[1] !== 0),
  'debited a returned number': (seen) =>
    events(seen).some((e) => e[5] === 'debit' && Array.isArray(e[11]) && e[11].length > 0),
  'refused a debit': (seen) => events(seen).some((e) => e[3] === 'insufficient'),
  'kept an order apart': (seen) =>
    [...seen.lane.sales.values()].some((s) => s.due.some((m) => m.names.some((n) => n.key !== ''))),
  'left a member half done': (seen) =>
    [...seen.lane.sales.values()].some((sale) => sale.due.some((m) => m.generation > 0)),
  'decided for two sales in one batch': (seen) => seen.entries.some((e) => e.groups.length > 1),
  'held several lines together': (seen) => together(seen, 'done', 'held'),
  'replayed several lines': (seen) => together(seen, 'replayed', 'held'),
  'paid several lines together': (seen) => together(seen, 'done', 'paid'),
  'let several lines go together': (seen) => together(seen, 'done', 'released'),
  'found several lines expired': (seen) => together(seen, 'done', 'expired'),
  'refused all for one in the way': (seen) =>
    pairs(seen).some(([, r]) => r[0] === 'lines_refused' && (r[1] as unknown[]).length === 1),
  'looked at several lines, some of them in the way': (seen) => looked(seen, true),
  'looked at several lines, none of them in the way': (seen) => looked(seen, false),
  'held for less than the sale does': (seen) =>
    [...seen.lane.sales.values()].some((s) => s.due.some((m) => m.generation >= 2 ** 20)),
  'began an epoch': (seen) => seen.entries.some((e) => e.before !== null),
};

/** Orders of more than one line, in such a state. */
function together(seen: Seen, code: string, state: string): boolean {
  return pairs(seen).some(([kind, reply]) => {
    if (kind !== 'together' || reply[0] !== code || !Array.isArray(reply[1])) return false;
    const orders = reply[1] as (readonly unknown[])[];
    return orders.length > 1 && orders.every((order) => order[1] === state);
  });
}

/** Looks at orders of more than one line. */
const looked = (seen: Seen, isInTheWay: boolean): boolean =>
  seen.batches.some(({ commands, replies }) =>
    commands.some((c, i) => {
      const [code, refused] = replies[i] ?? [];
      if (c.kind !== 'together' || c.isLook !== true || c.lines.length === 1) return false;
      return code === 'lines_refused' && (refused as unknown[]).length > 0 === isInTheWay;
    }),
  );

function replied(code: string): (seen: Seen) => boolean {
  return (seen) => pairs(seen).some(([, reply]) => reply[0] === code);
}

function pairs(seen: Seen): [kind: string, reply: readonly unknown[]][] {
  return seen.batches.flatMap(({ commands, replies }) =>
    commands.map((c, i): [string, readonly unknown[]] => [c.kind, replies[i] ?? []]),
  );
}

const events = (seen: Seen): (readonly unknown[])[] =>
  seen.entries.flatMap((entry) => entry.groups.flatMap(([, list]) => list));

const happened = (seen: Seen, type: string): boolean => events(seen).some((e) => e[0] === type);

describe('model and scripts side by side', () => {
  let server: TestRedis;
  let runId: string;
  let lanes = 0;

  beforeAll(async () => {
    server = await startRedis({ config: keeping });
    runId = await serverRunId(server.redis);
    for (const { source } of Object.values(scripts)) await server.redis.script('LOAD', source);
    return () => server.stop();
  });

  it(`agree in ${runs} histories (seed ${seed})`, { timeout: testMs }, async () => {
    const counts = new Map(Object.keys(sometimes).map((name) => [name, 0]));
    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        const lane = LuaLane.at(server.redis, lanes++);
        const seen = await sideBySide(lane, runId, sequence);
        for (const [name, holds] of Object.entries(sometimes)) {
          if (holds(seen)) counts.set(name, (counts.get(name) ?? 0) + 1);
        }
      }),
      { numRuns: runs, seed, verbose: 1 },
    );
    console.log(counts);
    expect([...counts].filter(([, times]) => times === 0)).toEqual([]);
  });

  it('leave nothing in memory alone', { timeout: testMs }, async () => {
    expect(await expectKept(server)).toBeGreaterThan(runs);
  });
});
