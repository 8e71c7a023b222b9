/**
 * Takes a lane's log entry by entry and decides each event again in the pure model: in the state that
 * the log has led to, the model must come to the same event. The first that it does not come to is a
 * difference, and its sale is not judged any further. Pure.
 */
import { nameOf } from '../audit/positions.ts';
import { apply, newSale } from '../domain/lane/apply.ts';
import { startBatch, type Begun } from '../domain/lane/batch.ts';
import { decide } from '../domain/lane/decide.ts';
import { expire } from '../domain/lane/due.ts';
import { findOrder, recordOf } from '../domain/lane/record.ts';
import { planHold, takeHold } from '../domain/lane/hold.ts';
import { end, endProblem } from '../domain/lane/order.ts';
import { refused } from '../domain/lane/refused.ts';
import { newLane, type Lane, type Sale } from '../domain/lane/state.ts';
import { isOverdue, latch, type SaleWork } from '../domain/lane/work.ts';
import type {
  EndEvent,
  HeldEvent,
  LaneCommand,
  LaneEvent,
  Reply,
  TicketEvent,
} from '../domain/lane/words.ts';
import { mayBePart, mayHaveParts, orderIdOf } from '../domain/ids.ts';
import type { OrderId, SaleId } from '../domain/types.ts';
import type { Entry } from '../lanes/codec.ts';
import { isTicketEvent, judgeTicket } from './judge-ticket.ts';
import { asRebuilt, takeAway, type Gone } from './rebuilt.ts';
import { eventInWords } from './words.ts';

export interface Difference {
  /** `epoch-sequence` */
  readonly position: string;
  readonly sale: SaleId | null;
  readonly order: OrderId | null;
  /** The rule that is broken: of the model's refusals, or of the log. */
  readonly rule: string;
  readonly says: string;
}

export interface Unjudged {
  readonly sale: SaleId;
  readonly position: string;
  readonly why: string;
}

export interface JudgeOptions {
  /** What Postgres or a vendor decided for the lane, by number. */
  readonly commands: ReadonlyMap<number, LaneCommand>;
  /** The only sale to judge; null = all. */
  readonly only: SaleId | null;
  /** The log does not begin with the lane: sales may be older than it. */
  readonly beheaded: boolean;
  /** Sales of which something was put away: a recovery makes them of what became of it. */
  readonly amended: ReadonlySet<SaleId>;
}

/** Thrown to end the judging of a sale at this event. */
class Differs extends Error {
  readonly rule: string;

  constructor(rule: string, says: string) {
    super(says);
    this.rule = rule;
  }
}

/** What a freeze or a defect refused: the log does not tell of either, and nothing follows of it. */
const untold: ReadonlySet<unknown> = new Set(['sale_frozen', 'fault', 'unsupported']);

const older = 'it was installed before the log begins';

export class Judge {
  readonly #options: JudgeOptions;
  /** As the log has led to it. */
  readonly lane: Lane = newLane();
  readonly differences: Difference[] = [];
  readonly unjudged = new Map<SaleId, Unjudged>();
  readonly #broken = new Set<SaleId>();
  readonly #gone = new Map<SaleId, Gone>();
  /** Decisions that were judged. */
  judged = 0;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** True while everything of the sale followed from the log so far. */
  follows(sale: SaleId): boolean {
    return !this.#broken.has(sale) && !this.unjudged.has(sale);
  }

  /** A recovery has ended the epoch and made the lane anew from what had settled. */
  recovered(position: string): void {
    for (const sale of this.lane.sales.values()) {
      if (this.#options.amended.has(sale.id)) {
        this.#leave(sale.id, position, 'something of it was put into quarantine before');
      } else asRebuilt(sale, this.#goneOf(sale.id));
    }
  }

  /** The lane has the sale: where the log tells nothing of it, it is older. */
  unseen(sale: SaleId): void {
    if (!this.#options.beheaded || this.lane.sales.has(sale)) return;
    this.#leave(sale, nameOf(this.lane), older);
  }

  #goneOf(sale: SaleId): Gone {
    const gone = this.#gone.get(sale) ?? [];
    this.#gone.set(sale, gone);
    return gone;
  }

  #leave(sale: SaleId, position: string, why: string): void {
    if (this.follows(sale)) this.unjudged.set(sale, { sale, position, why });
  }

  take(entry: Entry): void {
    const { lane } = this;
    const position = `${entry.epoch}-${entry.seq}`;
    if (entry.at < lane.lastTime) {
      const says = `lane time went back from ${lane.lastTime} to ${entry.at}`;
      this.differences.push({ position, sale: null, order: null, rule: 'clock', says });
    }
    if (entry.epoch > lane.epoch) lane.epoch = entry.epoch;
    lane.seq = entry.seq;
    lane.outage = entry.outage;
    const begun = startBatch(lane, entry.at);
    for (const [sale, events] of entry.groups) {
      this.#takeGroup(sale, events.map(eventInWords), begun, position);
    }
    lane.lastTime = begun.clock.now;
  }

  #takeGroup(sale: SaleId, events: readonly LaneEvent[], begun: Begun, position: string): void {
    const { only } = this.#options;
    let expected: LaneEvent[] = [];
    for (const event of events) {
      const number = numberOf(event);
      try {
        if (number > 0) this.#follow(number);
        if ((only !== null && sale !== only) || !this.follows(sale)) continue;
        this.judged += 1;
        if (expected.length === 0) expected = this.#decide(sale, event, begun, position);
        if (!this.follows(sale)) continue;
        const next = expected.shift();
        if (JSON.stringify(next) !== JSON.stringify(event)) {
          throw new Differs('event', `the log says ${told(event)}, the model ${told(next)}`);
        }
        if (number > 0) takeAway(this.#goneOf(sale), event);
      } catch (error) {
        this.#differ(sale, event, position, error);
      }
    }
    const [missed] = expected;
    if (missed !== undefined && this.follows(sale)) {
      this.#differ(sale, missed, position, new Differs('event', `the log lacks ${told(missed)}`));
    }
  }

  /** Lane commands are applied one after the other, whatever their sale. */
  #follow(number: number): void {
    const wanted = this.lane.lastCommand + 1;
    const isFirst = this.lane.lastCommand === 0 && this.#options.beheaded;
    this.lane.lastCommand = number;
    if (number !== wanted && !isFirst) {
      throw new Differs('command order', `command ${number} where ${wanted} is next`);
    }
  }

  #differ(sale: SaleId, event: LaneEvent, position: string, error: unknown): void {
    const rule = error instanceof Differs ? error.rule : 'state';
    const says = error instanceof Error ? error.message : String(error);
    const order = isOrderEvent(event) ? orderIdOf(sale, event[1]) : null;
    this.#broken.add(sale);
    this.differences.push({ position, sale, order, rule, says: `${event[0]}: ${says}` });
  }

  /** What the model says that happens, where the log has this event. The model is then behind it. */
  #decide(id: SaleId, event: LaneEvent, begun: Begun, position: string): LaneEvent[] {
    const { lane } = this;
    const number = numberOf(event);
    const known = lane.sales.get(id);
    if (number > 0) return this.#decideCommand(id, known, number, event, begun, position);
    if (known === undefined) {
      if (!this.#options.beheaded) throw new Differs('not_found', 'the sale was never installed');
      this.#leave(id, position, older);
      return [];
    }
    const work = begun.work(known);
    if (isOrderEvent(event)) decideOrder(work, event);
    else if (isTicketEvent(event)) decidePlace(work, event);
    else latch(work);
    return work.events;
  }

  #decideCommand(
    id: SaleId,
    known: Sale | undefined,
    number: number,
    event: LaneEvent,
    begun: Begun,
    position: string,
  ): LaneEvent[] {
    const command = this.#options.commands.get(number);
    if (command === undefined) throw new Differs('command', `Postgres has no command ${number}`);
    if (command.sale !== id) {
      throw new Differs('command', `command ${number} is for ${command.sale}`);
    }
    const [, , ok, reason] = event as readonly unknown[];
    if (ok === 0 && untold.has(reason)) return [event];
    if (known === undefined && command.kind !== 'install' && this.#options.beheaded) {
      this.#leave(id, position, older);
      return [];
    }
    const isNew = known === undefined && command.kind === 'install';
    const sale = known ?? (command.kind === 'install' ? newSale(id, command.terms) : null);
    if (sale === null) return [refused(command, 'not_found')];
    if (isNew) this.lane.sales.set(id, sale);
    const work = begun.work(sale);
    apply(work, command, isNew);
    return work.events;
  }
}

const orderTypes: ReadonlySet<string> = new Set(['held', 'paid', 'released', 'expired']);
const isOrderEvent = (event: LaneEvent): event is HeldEvent | EndEvent => orderTypes.has(event[0]);

/** Of a lane command; 0 = a latch, or what a shopper or a deadline did. */
const numberOf = ([, number]: LaneEvent): number => (typeof number === 'number' ? number : 0);

const told = (event: LaneEvent | undefined): string =>
  event === undefined ? 'nothing' : JSON.stringify(event);

function decidePlace(work: SaleWork, event: TicketEvent): void {
  const wrong = judgeTicket(work, event);
  if (wrong !== null) throw new Differs(...wrong);
}

function decideOrder(work: SaleWork, event: HeldEvent | EndEvent): void {
  const before = work.events.length;
  const reply = event[0] === 'held' ? decideHold(work, event) : decideEnd(work, event);
  if (work.events.length > before) return;
  const [code, ...rest] = reply;
  throw new Differs(
    code === 'replayed' || code === 'done' ? 'once' : code,
    refusalText(code, rest),
  );
}

function refusalText(code: string, rest: readonly unknown[]): string {
  if (code === 'replayed' || code === 'done') return 'it had happened before';
  return `must be refused as ${code}${rest.length === 0 ? '' : ` (${rest.join(', ')})`}`;
}

function decideHold(work: SaleWork, event: HeldEvent): Reply {
  const [, key, shopper, item, , expiresAt, fingerprint, units] = event;
  const product = work.sale.items[item]?.product;
  if (product === undefined) throw new Differs('item', `the sale has no item ${item}`);
  const hold = {
    ...({ kind: 'hold', sale: work.sale.id, shopper, key, fingerprint, product } as const),
    quantity: units.length,
    // Who was verified, the log does not tell.
    verified: true,
  };
  const order = orderIdOf(work.sale.id, key);
  if (!mayHaveParts(order) && !mayBePart(order)) return decide(work, hold);
  latch(work);
  const found = planHold(work, hold);
  if (typeof found !== 'number') return found;
  // The earliest deadline of all lines, some of which are other sales'. A turn ends after the last.
  const asked = expiresAt - work.clock.now;
  return takeHold(work, hold, found, Math.min(asked, work.sale.holdMs));
}

function decideEnd(work: SaleWork, event: EndEvent): Reply {
  const [type, key, shopper, endKey, endFingerprint, , , details] = event;
  const order = findOrder(recordOf(work.sale, shopper), key);
  if (order === undefined) throw new Differs('not_found', 'there is no such order');
  // That details were stored is no decision, and not in the log.
  if (order.state === 'held') order.details = details;
  if (type === 'expired') {
    latch(work);
    if (order.state !== 'held') throw new Differs('once', `the order is ${order.state}`);
    if (!isOverdue(order, work.clock)) {
      const early = order.deadline - (work.clock.now - work.clock.outage);
      throw new Differs('deadline', `${early} ms before its deadline`);
    }
    expire(work, shopper, order);
    return ['done', 1, 1];
  }
  const kind = type === 'paid' ? 'pay' : 'release';
  const ending = { kind, sale: work.sale.id, shopper, key, endKey, endFingerprint } as const;
  if (kind === 'pay' && details === 0 && mayBePart(orderIdOf(work.sale.id, key))) {
    latch(work);
    // Its order has the details.
    return endProblem(work, ending, order, 1) ?? end(work, ending, order);
  }
  return decide(work, ending);
}
