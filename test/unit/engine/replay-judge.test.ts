// Whatever the pure model decides in a random history, the judge of a replay comes to the same; and a
// history of which an event was left out does not follow.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runBatch } from '../../../engine/domain/lane/batch.ts';
import { runCommand } from '../../../engine/domain/lane/command.ts';
import { beginEpoch } from '../../../engine/domain/lane/epoch.ts';
import { runLineBatch } from '../../../engine/domain/lane/line-batch.ts';
import { newLane } from '../../../engine/domain/lane/state.ts';
import type { LaneCommand, LaneEntry } from '../../../engine/domain/lane/words.ts';
import type { Entry } from '../../../engine/lanes/codec.ts';
import { saleStates } from '../../../engine/lanes/codes.ts';
import { Judge } from '../../../engine/replay/judge.ts';
import { noBounds, noon, saleOf } from '../../lua/cases/case.ts';
import { join, leaveBy, lineSale } from '../../lua/cases/say-line.ts';
import { sequences, type Sequence } from '../../lua/lab/sequence.ts';

interface Past {
  readonly entries: readonly LaneEntry[];
  readonly commands: ReadonlyMap<number, LaneCommand>;
}

/** Runs a history in the model; its log, and the commands that it was given. */
function run(sequence: Sequence): Past {
  const lane = newLane();
  const entries: LaneEntry[] = [];
  const commands = new Map<number, LaneCommand>();
  let now = noon;
  const keep = (entry: LaneEntry | null): void => {
    if (entry !== null) entries.push(structuredClone(entry));
  };
  const give = (command: LaneCommand): void => {
    if (command.number === lane.lastCommand + 1) commands.set(command.number, command);
    keep(runCommand(lane, command, now).entry);
  };
  for (const sale of sequence.sales) {
    for (const command of saleOf(sale, lane.lastCommand + 1)) give(command);
  }
  for (const move of sequence.moves) {
    if (move.kind === 'batch' || move.kind === 'command') now += move.wait;
    if (move.kind === 'batch') {
      keep(runBatch(lane, move.commands, now, { ...noBounds, ...move.bounds }).entry);
    } else if (move.kind === 'command') {
      give(move.command(Math.max(1, lane.lastCommand + move.ahead), lane));
    } else if (move.kind === 'restart') {
      now += move.outageMs;
      beginEpoch(lane, move.outageMs);
    }
  }
  return { entries, commands };
}

/** As the scripts write it: a refusal for a sale's state names it by its number. */
const written = ({ groups, ...rest }: LaneEntry): Entry => ({
  ...rest,
  groups: groups.map(([sale, events]) => [
    sale,
    events.map((event): readonly unknown[] =>
      event[2] === 0 && event[3] === 'state'
        ? [...event.slice(0, 4), (saleStates as readonly unknown[]).indexOf(event[4])]
        : event,
    ),
  ]),
});

function judge({ entries, commands }: Past): Judge {
  const made = new Judge({ commands, only: null, beheaded: false, amended: new Set() });
  for (const entry of entries) made.take(written(entry));
  return made;
}

it('follows whatever the model decides', () => {
  let judged = 0;
  fc.assert(
    fc.property(sequences, (sequence) => {
      const done = judge(run(sequence));
      expect(done.differences).toEqual([]);
      judged += done.judged;
    }),
    { numRuns: 300 },
  );
  expect(judged).toBeGreaterThan(1000);
});

/** Ann leaves a line twice, by these keys as the log says; '' = it says none. */
function judgeLeaves(...keys: readonly string[]): Judge {
  const lane = newLane();
  const commands = new Map(lineSale().map((command) => [command.number, command]));
  const made = [...commands.values()].map((command) => runCommand(lane, command, noon - 2).entry);
  const asked = [join('ann-1'), leaveBy('ann-x'), join('ann-2'), leaveBy('ann-y')];
  made.push(runLineBatch(lane, asked, noon - 1).entry);
  const log = made.filter((entry) => entry !== null).map((entry) => structuredClone(entry));
  const left = log.flatMap(({ groups }) =>
    groups.flatMap(([, events]) => events.filter(([type]) => type === 'left')),
  ) as unknown as string[][];
  for (const [i, event] of left.entries()) {
    const key = keys[i] ?? '';
    event.splice(3, 1, ...(key === '' ? [] : [key]));
  }
  return judge({ entries: log, commands });
}

it('follows leaves with keys and, as older versions wrote them, without', () => {
  for (const keys of [
    ['ann-x', 'ann-y'],
    ['ann-x', ''],
    ['', ''],
  ]) {
    expect(judgeLeaves(...keys).differences).toEqual([]);
  }
});

it('does not follow a key that leaves a second time', () => {
  expect(judgeLeaves('ann-x', 'ann-x').differences).toMatchObject([{ rule: 'once' }]);
});

it('does not follow a history without its first hold', () => {
  let missed = 0;
  fc.assert(
    fc.property(sequences, (sequence) => {
      const past = run(sequence);
      const at = past.entries.findIndex(({ groups }) =>
        groups.some(([, e]) => e[0]?.[0] === 'held'),
      );
      const ends = past.entries.slice(at + 1).some(({ groups }) => {
        return groups.some(([, events]) => events.some(([type]) => type === 'held'));
      });
      if (at < 0 || !ends) return;
      const entries = past.entries.filter((_, i) => i !== at);
      if (judge({ ...past, entries }).differences.length > 0) missed += 1;
    }),
    { numRuns: 200 },
  );
  expect(missed).toBeGreaterThan(20);
});
