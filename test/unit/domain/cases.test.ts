// The case table against the pure model, and that the table leaves no reply and no event out.
import { describe, expect, it } from 'vitest';
import { runBatch } from '../../../engine/domain/lane/batch.ts';
import { runCommand } from '../../../engine/domain/lane/command.ts';
import { beginEpoch, settle } from '../../../engine/domain/lane/epoch.ts';
import { violations } from '../../../engine/domain/lane/invariants.ts';
import { runLineBatch } from '../../../engine/domain/lane/line-batch.ts';
import { newLane, type Lane } from '../../../engine/domain/lane/state.ts';
import type { LaneEntry } from '../../../engine/domain/lane/words.ts';
import { code } from '../../../engine/lanes/codes.ts';
import { cases, givenAt } from '../../lua/cases/all.ts';
import { noBounds, noon, type Step } from '../../lua/cases/case.ts';
import { withSortedRefusals } from '../../lua/lab/wire.ts';

function runStep(lane: Lane, step: Step): void {
  switch (step.kind) {
    case 'batch': {
      const bounds = { ...noBounds, ...step.bounds };
      const result = runBatch(lane, step.commands, noon + step.at, bounds);
      expect(result.replies.map(withSortedRefusals)).toEqual(step.replies);
      expectEntry(lane, result.entry, step.groups);
      return;
    }
    case 'line': {
      const bounds = { ...noBounds, ...step.bounds };
      const result = runLineBatch(lane, step.commands, noon + step.at, bounds);
      expect(result.replies).toEqual(step.replies);
      if (step.figures !== undefined) expect(result.figures[0]).toEqual(step.figures);
      expectEntry(lane, result.entry, step.groups);
      return;
    }
    case 'command': {
      const result = runCommand(lane, step.command, noon + step.at);
      expect(result.applied).toBe(step.applied);
      expectEntry(lane, result.entry, step.groups);
      return;
    }
    case 'restart':
      beginEpoch(lane, step.outageMs);
      return;
    case 'freeze': {
      const sale = lane.sales.get(step.sale);
      if (sale !== undefined) sale.frozen = 'a fault';
      return;
    }
    case 'settled':
      settle(lane, lane.decided, lane.doubtSince);
  }
}

function expectEntry(lane: Lane, entry: LaneEntry | null, groups: LaneEntry['groups']): void {
  expect(entry?.groups ?? []).toEqual(groups);
  if (entry !== null) expect([entry.epoch, entry.seq]).toEqual([lane.epoch, lane.seq]);
}

describe('the case table, in the pure model', () => {
  it.each(cases.map((c) => [c.name, c] as const))('%s', (_, { given, steps }) => {
    const lane = newLane();
    for (const c of given) runCommand(lane, c, noon + givenAt);
    for (const step of steps) {
      runStep(lane, step);
      expect(violations(lane)).toEqual([]);
    }
  });
});

describe('the case table', () => {
  const batches = cases
    .flatMap((c) => c.steps)
    .filter((step) => step.kind === 'batch' || step.kind === 'line');
  const events = cases.flatMap((c) =>
    c.steps.flatMap((step) => ('groups' in step ? step.groups.flatMap(([, list]) => list) : [])),
  );

  it('has every reply code but that of a fault', () => {
    const seen = new Set(
      batches.flatMap((step) =>
        (step.replies as readonly (readonly unknown[])[]).map(([name]) => name),
      ),
    );
    const wanted = Object.keys(code).filter((name) => name !== 'fault');
    expect([...seen].sort()).toEqual(wanted.sort());
  });

  it('has every event, and every refusal of a lane command', () => {
    const kinds = ['held', 'paid', 'released', 'expired', 'opened', 'installed', 'moved'].concat([
      'paused',
      'resumed',
      'closing',
      'closed',
      'changed',
      ...['joined', 'left', 'admitted', 'lapsed', 'finished', 'bell', 'numbers'],
    ]);
    expect([...new Set(events.map(([type]) => type))].sort()).toEqual(kinds.sort());
    const refusals = events.flatMap((e) =>
      (e as readonly unknown[])[2] === 0 && e[0] !== 'bell' ? [`${e[0]}: ${String(e[3])}`] : [],
    );
    expect([...new Set(refusals)].sort()).toEqual([
      'changed: joined',
      'changed: not_found',
      'changed: sale_frozen',
      'changed: state',
      'closed: not_found',
      'closed: sale_frozen',
      'closed: state',
      'installed: exists',
      'installed: sale_frozen',
      'moved: begun',
      'moved: closed',
      'moved: insufficient',
      'moved: not_found',
      'moved: sale_frozen',
      'numbers: gap',
      'numbers: no_line',
      'numbers: not_found',
      'numbers: not_rung',
      'numbers: sale_frozen',
      'paused: not_found',
      'paused: state',
      'resumed: not_found',
      'resumed: state',
    ]);
  });

  it('names each case once', () => {
    expect(new Set(cases.map((c) => c.name)).size).toBe(cases.length);
  });
});
