// The pure model and the real scripts, side by side, over random histories of sales with a line. A
// failure is shrunk and prints its seed; HIGHNOON_SEED runs it again, HIGHNOON_RUNS makes it longer.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { serverRunId } from '../../platform/redis/connection.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { flash } from './cases/case.ts';
import { expectKept, keeping } from './lab/kept.ts';
import { LuaLane, scripts } from './lab/lua-lane.ts';
import { lineSequences } from './lab/sequence-line.ts';
import { sideBySide, type Seen } from './lab/side-by-side.ts';

const runs = Number(process.env['HIGHNOON_RUNS'] ?? 2000);
const seed = Number(process.env['HIGHNOON_SEED'] ?? Date.now() % 2 ** 31);
const testMs = 600_000;

/** What a run set must have been through at least once, else it has tested nothing. */
const sometimes: Record<string, (seen: Seen) => boolean> = {
  ...Object.fromEntries(
    ['joined', 'left', 'admitted', 'lapsed', 'finished', 'bell', 'numbers'].map((type) => [
      type,
      (seen: Seen) => happened(seen, type),
    ]),
  ),
  'replayed a join': (seen) => pairs(seen).some(([c, r]) => c === 'join' && r[0] === 'replayed'),
  'found a ticket held under another key': (seen) =>
    pairs(seen).some(([c, r]) => c === 'join' && r[0] === 'done' && r[1] === 1),
  'repeated a leave beside a later ticket': (seen) =>
    pairs(seen).some(([c, r]) => c === 'leave' && r[0] === 'replayed' && r[4] === 'waiting'),
  'repeated the join of a ticket that another has followed': (seen) =>
    pairs(seen).some(([, reply]) => reply[0] === 'idempotency_key_reused' && reply[1] === 1),
  'closed a draw': replied('draw_closed'),
  'filled a line': replied('line_full'),
  'joined at the limit': replied('limit_reached'),
  'joined after the end': replied('sale_ended'),
  'joined a sale without a line': replied('not_found'),
  'turned a guest away': replied('forbidden'),
  'was overloaded': replied('overloaded'),
  'refused a hold without a turn': refusedHold('not_admitted'),
  'refused more than a claim': (seen) =>
    holds(seen).some(([code, available]) => code === 'sold_out' && Number(available) > 0),
  'held several lines by one turn': (seen) =>
    heldTogether(seen).some((orders) => orders.length > 1),
  'ended a turn with the last of several lines': (seen) =>
    seen.entries.some((entry) =>
      entry.groups.some(([, list]) =>
        list
          .map(([type]) => type)
          .join()
          .includes('held,held,fin'),
      ),
    ),
  'took less than a claim': (seen) =>
    tickets(seen).some(({ state, claim }) => state === 'admitted' && claim < 3 && claim > 0),
  'parked somebody': (seen) => figures(seen).some((f) => f[6] > 0),
  'kept a number that nobody waits with': (seen) =>
    tickets(seen).some(({ state, number }) => state === 'left' && number > 0),
  'refused numbers before the bell': (seen) => refused(seen, 'not_rung'),
  'refused numbers with a gap': (seen) => refused(seen, 'gap'),
  'gave numbers in several commands': (seen) => events(seen).filter(isNumbers).length > 1,
  'lengthened a turn by a pause': (seen) =>
    events(seen).some((e) => e[0] === 'resumed' && Number(e[4]) > 0),
  'numbered who came after the bell': (seen) =>
    events(seen).some((e) => e[0] === 'joined' && Number(e[4]) > 0),
  'began an epoch': (seen) => seen.entries.some((e) => e.before !== null),
};

const isNumbers = (event: readonly unknown[]): boolean => event[0] === 'numbers' && event[2] === 1;

function replied(code: string): (seen: Seen) => boolean {
  return (seen) => pairs(seen).some(([, reply]) => reply[0] === code);
}

function refusedHold(code: string): (seen: Seen) => boolean {
  return (seen) => holds(seen).some((reply) => reply[0] === code);
}

const holds = (seen: Seen): (readonly unknown[])[] =>
  seen.batches.flatMap(({ commands, replies }) =>
    replies.filter((_, i) => commands[i]?.kind === 'hold'),
  );

/** Orders of several lines that a turn in the sale with the line let in. */
const heldTogether = (seen: Seen): (readonly unknown[])[] =>
  seen.batches.flatMap(({ commands, replies }) =>
    commands.flatMap((c, i) => {
      const reply = replies[i];
      if (c.kind !== 'together' || reply?.[0] !== 'done' || !Array.isArray(reply[1])) return [];
      return c.lines.some(({ sale }) => sale === flash) ? [reply[1] as unknown[]] : [];
    }),
  );

function pairs(seen: Seen): [kind: string, reply: readonly unknown[]][] {
  return seen.lineBatches.flatMap(({ commands, replies }) =>
    commands.map((c, i): [string, readonly unknown[]] => [c.kind, replies[i] ?? []]),
  );
}

const figures = (seen: Seen) =>
  seen.lineBatches.flatMap((told) => told.figures.filter((f) => f !== null));

const tickets = (seen: Seen) =>
  [...(seen.lane.sales.get(flash)?.records.values() ?? [])].flatMap(({ ticket }) => ticket ?? []);

const events = (seen: Seen): (readonly unknown[])[] =>
  seen.entries.flatMap((entry) => entry.groups.flatMap(([, list]) => list));

const happened = (seen: Seen, type: string): boolean => events(seen).some((e) => e[0] === type);
const refused = (seen: Seen, reason: string): boolean => events(seen).some((e) => e[3] === reason);

/** Σ claims ≤ available × factor whenever somebody was admitted, as the last command of its batch. */
function expectRoom({ lineBatches }: Seen): void {
  for (const { commands, replies, figures: told } of lineBatches) {
    const at = commands.length - 1;
    const command = commands[at];
    const [code, admitted = 0] = (replies[at] ?? []) as readonly unknown[];
    if (command?.kind !== 'admit' || code !== 'done' || Number(admitted) === 0) continue;
    const sales = [...new Set(commands.map((c) => c.sale))];
    const own = told[sales.indexOf(command.sale)];
    if (!own) throw new Error('admitted without figures');
    const [claims, available, factor] = [own[8], own[9], own[14]];
    expect(claims * 100).toBeLessThanOrEqual(available * factor);
  }
}

/** Turns given = turns that ended and those that are open; drawn numbers and arrivals, each once. */
function expectConserved(seen: Seen): void {
  const state = new Map<string, string>();
  const count = { admitted: 0, ended: 0 };
  const indexes: number[] = [];
  for (const [type, key, , index] of events(seen)) {
    const id = String(key);
    if (type === 'joined') {
      expect(state.has(id)).toBe(false);
      indexes.push(Number(index));
    } else if (type === 'admitted') {
      expect(state.get(id)).toBe('joined');
      count.admitted += 1;
    } else if (type === 'lapsed' || type === 'finished' || type === 'left') {
      expect(['joined', 'admitted']).toContain(state.get(id));
      if (type !== 'left') expect(state.get(id)).toBe('admitted');
      if (state.get(id) === 'admitted') count.ended += 1;
    } else continue;
    state.set(id, type);
  }
  expect(indexes).toEqual(indexes.map((_, i) => i));
  const open = tickets(seen).filter((ticket) => ticket.state === 'admitted').length;
  expect(count.admitted).toBe(count.ended + open);
}

describe('model and scripts side by side, with a line', () => {
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
      fc.asyncProperty(lineSequences, async (sequence) => {
        const lane = LuaLane.at(server.redis, lanes++);
        const seen = await sideBySide(lane, runId, sequence);
        expectRoom(seen);
        expectConserved(seen);
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
