/**
 * The lines of one order, done together or not at all. Each is looked at first, a hold with what the
 * lines before it would take; only if nothing is in the way are they done. All have one deadline, the
 * earliest of theirs. Holds may be looked at alone: for an order that something is in the way of already.
 * Pure.
 */
import type { SaleId } from '../types.ts';
import { tallied } from './decide.ts';
import { planHold, takeHold, type Planned } from './hold.ts';
import { end, endedBefore, endProblem, expireIfOverdue, orderReply } from './order.ts';
import { findOrder, recordOf } from './record.ts';
import type { Order } from './state.ts';
import { finishIfDone } from './turn.ts';
import { latch, type SaleWork } from './work.ts';
import type { EndHold, Hold, OrderReply, ReadOrder, Refusal, Reply, Together } from './words.ts';

/** A sale's part of the batch, or why there is none. */
type WorkOf = (sale: SaleId) => SaleWork | Refusal;

const isRefused = (found: SaleWork | Refusal): found is Refusal => !('sale' in found);

function latched(found: SaleWork | Refusal): SaleWork | Refusal {
  if (!isRefused(found)) latch(found);
  return found;
}

const isHolds = (lines: Together['lines']): lines is readonly Hold[] => lines[0]?.kind === 'hold';

export const decideTogether = (workOf: WorkOf, { lines, isLook = false }: Together): Reply =>
  isHolds(lines) ? holdTogether(workOf, lines, isLook) : endTogether(workOf, lines);

interface PlannedHold {
  readonly work: SaleWork;
  readonly line: Hold;
  readonly item: number;
}

function holdTogether(workOf: WorkOf, lines: readonly Hold[], isLook: boolean): Reply {
  const plan: PlannedHold[] = [];
  const known: { readonly work: SaleWork; readonly line: number; readonly reply: OrderReply }[] =
    [];
  const refused: (readonly [number, Refusal])[] = [];
  for (const [i, line] of lines.entries()) {
    const work = latched(workOf(line.sale));
    if (isRefused(work)) {
      refused.push([i, work]);
      continue;
    }
    const item = planHold(work, line, plannedOf(plan, work));
    if (typeof item === 'number') plan.push({ work, line, item });
    else if (isOrder(item)) known.push({ work, line: i, reply: item });
    else refused.push([i, tallied(work.sale, item)]);
  }
  if (isLook || refused.length > 0) return ['lines_refused', refused];
  if (known.length === 0) return ['done', takeAll(plan)];
  if (known.length === lines.length) {
    return ['replayed', known.map(({ work, reply }) => tallied(work.sale, reply))];
  }
  // Some were held before, and others not: nobody of ours has asked for that.
  const again = ['idempotency_key_reused'] as const;
  return ['lines_refused', known.map(({ work, line }) => [line, tallied(work.sale, again)])];
}

const isOrder = (reply: OrderReply | Refusal): reply is OrderReply => reply[0] === 'replayed';

/** What the lines before take of a sale. */
function plannedOf(plan: readonly PlannedHold[], work: SaleWork): Planned {
  const before = plan.filter((one) => one.work === work);
  const units = (some: readonly PlannedHold[]): number =>
    some.reduce((sum, { line }) => sum + line.quantity, 0);
  return { sale: units(before), item: (index) => units(before.filter((p) => p.item === index)) };
}

function takeAll(plan: readonly PlannedHold[]): OrderReply[] {
  const holdMs = Math.min(...plan.map(({ work }) => work.sale.holdMs));
  const replies = plan.map(({ work, line, item }) =>
    tallied(work.sale, takeHold(work, line, item, holdMs)),
  );
  for (const { work, line } of plan) finishIfDone(work, line.shopper);
  return replies;
}

interface FoundOrder {
  readonly work: SaleWork;
  readonly line: EndHold | ReadOrder;
  readonly order: Order;
}

/** The first line carries the details of all. */
function endTogether(workOf: WorkOf, lines: readonly (EndHold | ReadOrder)[]): Reply {
  const found: FoundOrder[] = [];
  const before: OrderReply[] = [];
  let refusal: Refusal | null = null;
  let details = 0;
  for (const [i, line] of lines.entries()) {
    const work = latched(workOf(line.sale));
    if (isRefused(work)) {
      refusal ??= work;
      continue;
    }
    const order = findOrder(recordOf(work.sale, line.shopper), line.key);
    if (order === undefined) {
      refusal ??= ['not_found'];
      continue;
    }
    if (i === 0) details = order.details;
    found.push({ work, line, order });
    const looked = lookAt(work, line, order, details);
    if (looked === null) continue;
    if (looked[0] === 'replayed') before.push(looked);
    else refusal ??= looked;
  }
  const [home] = found;
  if (refusal !== null || home === undefined) return refusal ?? ['not_found'];
  if (before.length === lines.length) return ['replayed', before];
  if (before.length > 0) return ['illegal_transition', home.order.state];
  return ['done', found.map(doLine)];
}

/** What is in the way; or its first answer, if it was done before. Null = it can be done. */
function lookAt(
  work: SaleWork,
  line: EndHold | ReadOrder,
  order: Order,
  details: number,
): (OrderReply & { 0: 'replayed' }) | Refusal | null {
  if (line.kind === 'read') {
    expireIfOverdue(work, line.shopper, order);
    return null;
  }
  const before = endedBefore(work, line, order);
  if (before !== null) return before as (OrderReply & { 0: 'replayed' }) | Refusal;
  return endProblem(work, line, order, details);
}

const doLine = ({ work, line, order }: FoundOrder): OrderReply =>
  line.kind === 'read' ? orderReply('done', work, order, order.state) : end(work, line, order);
