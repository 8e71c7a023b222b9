/**
 * What recoveries state of a loss, against what the blows of the run took (losses.ts). A recovery counts
 * positions, each an entry of one decision or more, so entries are compared with entries. It may state
 * fewer than there were, because it counts only what somebody had seen, and never more; and where it
 * states that nothing was lost, no order may be gone that a client had been told of before.
 */
import type { Stated } from './crew.ts';
import type { Evidence } from './evidence.ts';
import type { Faults } from './faults.ts';
import type { Loss } from './losses.ts';

export function checkStated(
  evidence: Evidence,
  stated: readonly Stated[],
  taken: readonly Loss[],
  faults: Faults,
): void {
  for (const one of stated) {
    const { lane, found, lostAtLeast, from, to } = one;
    const places = new Set(
      taken.filter((loss) => loss.lane === lane && loss.at <= to).map(({ place }) => place),
    );
    if (lostAtLeast > places.size) {
      const says = `states ${lostAtLeast} lost, ${places.size} were`;
      evidence.wrong.push(`the recovery of lane ${lane} at ${to} ${says}`);
    }
    if (lostAtLeast > 0) faults.count('a recovery counted what was lost');
    if (lostAtLeast > 0 || found === 'older' || found === 'nothing') {
      faults.count('a recovery stated a loss');
      continue;
    }
    faults.count('a recovery stated that nothing was lost');
    const before = taken.filter((loss) => loss.lane === lane && loss.at <= from);
    for (const id of before.flatMap(({ begun }) => begun)) {
      if (!isGone(evidence, id, from)) continue;
      evidence.wrong.push(
        `the recovery of lane ${lane} at ${to} states no loss, and ${id} is gone`,
      );
    }
  }
}

/** Told of as accepted by then, and not in Postgres as it was told. An order held anew is another. */
function isGone({ history, rows }: Evidence, id: string, by: number): boolean {
  const row = rows.get(id);
  return history.asked.some(({ tellings }) =>
    tellings.some(({ toldAt, outcome }) => {
      if (toldAt > by || outcome?.kind !== 'done' || outcome.value.id !== id) return false;
      return row?.held !== outcome.value.heldAt;
    }),
  );
}
