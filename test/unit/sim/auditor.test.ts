// What a lost decision excuses, and what it does not; and what a recovery may state of a loss.
import { expect, it } from 'vitest';
import { orderIdOf, saleIdOf } from '../../../engine/domain/ids.ts';
import { readLogEntry } from '../../../engine/audit/entries.ts';
import { pack } from '../../../engine/lanes/codec.ts';
import type { LaneOrder } from '../../../engine/domain/types.ts';
import { checkAnswers, checkEnds } from '../../sim/auditor.ts';
import { checkStated } from '../../sim/auditor-stated.ts';
import type { Stated } from '../../sim/crew.ts';
import type { Evidence, Row } from '../../sim/evidence.ts';
import { Faults } from '../../sim/faults.ts';
import { History, type Kind } from '../../sim/history.ts';
import type { Loss } from '../../sim/losses.ts';
import { decidedIn } from '../../support/decided.ts';
import { Scheduler } from '../../sim/scheduler.ts';

const sale = saleIdOf(0, Buffer.alloc(8));
const key = 'a'.repeat(24);
const id = orderIdOf(sale, key);
const order: LaneOrder = {
  ...{ id, sale, shopper: 's0', state: 'held', item: 0, product: 'p', units: [1], price: 5 },
  ...{ heldAt: 1000, holdExpiresAt: 3000, endedAt: null, details: 0 },
};
const row: Row = {
  ...{ id, sale, shopper: 's0', state: 'expired', units: [1], price: 5 },
  ...{ deadline: 3000, held: 1000, ended: 3000 },
};

/** A shopper was told of a hold, then that it was paid. */
function historyOf(): History {
  const history = new History();
  const about = { shopper: 's0', sale, quantity: 1, product: 'p', order: '' };
  const tell = (kind: Kind, of: string, toldAt: number, value: LaneOrder): void => {
    const asked = history.ask({ ...about, kind, key: kind, order: of });
    const outcome = { kind: 'done', value, replayed: false, now: toldAt } as const;
    asked.tellings.push({ askedAt: toldAt - 1, toldAt, outcome });
  };
  tell('hold', '', 10, order);
  tell('pay', id, 20, { ...order, state: 'paid' });
  return history;
}

/** `lost`, `touched` = see Evidence. */
function wrongOf(rows: readonly Row[], lost: readonly string[], touched: readonly string[]) {
  const evidence = evidenceOf(rows, lost, touched);
  checkAnswers(evidence);
  checkEnds(evidence);
  return evidence.wrong;
}

const evidenceOf = (
  rows: readonly Row[],
  lost: readonly string[] = [],
  touched: readonly string[] = [],
): Evidence => ({
  history: historyOf(),
  rows: new Map(rows.map((one) => [one.id, one])),
  terms: new Map(),
  linesOf: new Map(),
  lost: new Set(lost),
  touched: new Set(touched),
  lossy: true,
  wrong: [],
  skews: [],
});

const entryOf = (event: readonly unknown[]) =>
  readLogEntry(Buffer.from(pack([...[1, 3, 0, 1000, false, 1], [[sale, [event]]], 0])));
const held = entryOf(['held', key, 's0', 0, 100, 5000, 7, [1]]);
const paid = entryOf(['paid', key, 's0', 'end', 7, 0, [1], 1]);

it('a lost hold is another loss than a lost end', () => {
  expect(decidedIn(held)).toEqual({ begun: [id], later: [] });
  expect(decidedIn(paid)).toEqual({ begun: [], later: [id] });
});

it('a lost hold excuses the whole order', () => {
  expect(wrongOf([], [id], [id])).toEqual([]);
  expect(wrongOf([row], [id], [id])).toEqual([]);
});

it('a lost end excuses the end', () => {
  expect(wrongOf([row], [], [])).toEqual([`${id}: told paid, is expired`]);
  expect(wrongOf([row], [], [id])).toEqual([]);
});

it('a lost end excuses neither the order, nor its units, price and time', () => {
  expect(wrongOf([], [], [id]).join()).toContain('Postgres has no such order');
  for (const other of [{ units: [2] }, { price: 6 }, { held: 1001 }]) {
    expect(wrongOf([{ ...row, ...other }], [], [id]).join()).toContain('is not what was told');
  }
});

it('a lost end excuses no end that nobody asked for', () => {
  const released = { ...row, state: 'released' };
  expect(wrongOf([released], [], [id])).toEqual([`${id}: nobody released it`]);
});

const loss: Loss = { lane: 0, at: 50, place: 'lane 0 1-4', begun: [id] };
const stated: Stated = { lane: 0, found: 'older', lostAtLeast: 1, from: 60, to: 70 };

function wronglyStated(one: Partial<Stated>, taken: readonly Loss[], rows: readonly Row[] = []) {
  const evidence = evidenceOf(rows, [id], [id]);
  checkStated(evidence, [{ ...stated, ...one }], taken, new Faults(new Scheduler(1)));
  return evidence.wrong;
}

it('a recovery states no more than was lost by then, in its lane', () => {
  expect(wronglyStated({}, [loss])).toEqual([]);
  const more = ['the recovery of lane 0 at 70 states 1 lost, 0 were'];
  expect(wronglyStated({}, [])).toEqual(more);
  expect(wronglyStated({}, [{ ...loss, lane: 1 }])).toEqual(more);
  expect(wronglyStated({}, [{ ...loss, at: 71 }])).toEqual(more);
  // One decision that two blows have taken is one.
  expect(wronglyStated({ lostAtLeast: 2 }, [loss, loss])).toHaveLength(1);
});

it('a recovery that states no loss has lost no order that was told of before', () => {
  const whole = { found: 'whole', lostAtLeast: 0 } as const;
  const gone = [`the recovery of lane 0 at 70 states no loss, and ${id} is gone`];
  expect(wronglyStated(whole, [loss])).toEqual(gone);
  expect(wronglyStated(whole, [loss], [{ ...row, held: 2000 }])).toEqual(gone);
  expect(wronglyStated(whole, [loss], [row])).toEqual([]);
  // What came after it began is not its own; an older Redis is a loss, counted or not.
  expect(wronglyStated(whole, [{ ...loss, at: 61 }])).toEqual([]);
  expect(wronglyStated({ ...whole, found: 'older' }, [loss])).toEqual([]);
});
