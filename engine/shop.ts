/**
 * What shoppers ask of a lane: hold, pay, release, details, read, count. Turns commands into
 * batch commands and replies into outcomes; decides nothing itself.
 */
import type { KeyObject } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import { fnv1a } from './domain/fingerprint.ts';
import { laneOfId, orderIdOf, orderKey, saleOfOrder } from './domain/ids.ts';
import type {
  HoldCommand,
  LaneOrder,
  LaneSale,
  OrderCommand,
  OrderId,
  Outcome,
  SaleId,
  ShopperId,
} from './domain/types.ts';
import type { Batcher, Command } from './lanes/batcher.ts';
import type { Reply } from './lanes/codec.ts';
import { codeNames, op, orderStates, saleStates } from './lanes/codes.ts';
import { HmacSha256 } from './lanes/hmac.ts';
import type { HoldLoad } from './lanes/load.ts';
import { endKey, holdKey } from './lanes/order-key.ts';
import { outcomeOf } from './outcomes.ts';

type Done<T> = (outcome: Outcome<T>) => void;

/** An order, from the reply of a batch. `outage` is in the script's figures already. */
export function orderOf(reply: Reply, sale: SaleId, shopper: ShopperId, key: string): LaneOrder {
  const [, state, item, product, price, heldAt, deadline, details, units, ended] =
    reply as unknown as [
      number,
      number,
      number,
      string,
      number,
      number,
      number,
      number,
      number[],
      number,
    ];
  return {
    id: orderIdOf(sale, key),
    sale,
    shopper,
    state: orderStates[state - 1] ?? 'held',
    item,
    product,
    units,
    price,
    heldAt,
    holdExpiresAt: deadline,
    endedAt: ended === 0 ? null : ended,
    details,
  };
}

export class Shop {
  #batchers: readonly Batcher[];
  #secret: KeyObject;
  #mac: HmacSha256;
  #load: HoldLoad;

  constructor(batchers: readonly Batcher[], secret: KeyObject, load: HoldLoad) {
    this.#batchers = batchers;
    this.#secret = secret;
    this.#mac = new HmacSha256(secret);
    this.#load = load;
  }

  hold(c: HoldCommand, done: Done<LaneOrder>): void {
    const key = holdKey(this.#mac, c.shopper, c.sale, c.idempotencyKey);
    const fingerprint = fnv1a(`${c.quantity}\0${c.product}`);
    const verified = c.verified ? 1 : 0;
    const since = clock.now();
    const lane = laneOfId(c.sale);
    const command: Command = [
      op.hold,
      0,
      c.shopper,
      key,
      fingerprint,
      c.quantity,
      c.product,
      verified,
    ];
    const timed: Done<LaneOrder> = (outcome) => {
      this.#load.observe(lane, clock.now() - since);
      done(outcome);
    };
    this.#submit('hold', c.sale, command, c.quantity, timed, (reply) =>
      orderOf(reply, c.sale, c.shopper, key),
    );
  }

  pay(c: OrderCommand, fingerprint: number, done: Done<LaneOrder>): void {
    const end = endKey(this.#secret, 'pay', c.order, c.idempotencyKey);
    this.#order('pay', op.pay, c.order, c.shopper, [end, fingerprint], done);
  }

  release(c: OrderCommand, done: Done<LaneOrder>): void {
    const end =
      c.idempotencyKey === '' ? '' : endKey(this.#secret, 'release', c.order, c.idempotencyKey);
    this.#order('release', op.release, c.order, c.shopper, [end, 0], done);
  }

  /** Details of this generation are stored in Postgres: from now on they are the order's. */
  markDetails(order: OrderId, shopper: ShopperId, generation: number): Promise<Outcome<LaneOrder>> {
    return new Promise((resolve) => {
      this.#order('details', op.details, order, shopper, [generation], resolve);
    });
  }

  read(order: OrderId, shopper: ShopperId): Promise<Outcome<LaneOrder>> {
    return new Promise((resolve) => {
      this.#order('read', op.read, order, shopper, [], resolve);
    });
  }

  /** Exact counts of a sale, and what its lane has in doubt. */
  count(sale: SaleId): Promise<Outcome<LaneSale & { inDoubt: { count: number; ageMs: number } }>> {
    return new Promise((resolve) => {
      this.#submit('count', sale, [op.count, 0], 0, resolve, (reply) => countsOf(reply, sale));
    });
  }

  /** Ends overdue holds of a sale. `drained` = none is left overdue. */
  reap(sale: SaleId, most: number): Promise<Outcome<{ ended: number; drained: boolean }>> {
    return new Promise((resolve) => {
      const command: Command = [op.reap, 0, '', '', most];
      this.#submit('reap', sale, command, 0, resolve, (reply) => ({
        ended: reply[1] as number,
        drained: reply[2] === 1,
      }));
    });
  }

  /** Lets the latches of a sale fall: opening, end. */
  touch(sale: SaleId): Promise<Outcome<number>> {
    return new Promise((resolve) => {
      this.#submit('touch', sale, [op.touch, 0], 0, resolve, (reply) => reply[1] as number);
    });
  }

  #order(
    name: string,
    number: number,
    order: OrderId,
    shopper: ShopperId,
    rest: readonly unknown[],
    done: Done<LaneOrder>,
  ): void {
    const sale = saleOfOrder(order);
    const key = orderKey(order);
    this.#submit(name, sale, [number, 0, shopper, key, ...rest], 0, done, (reply) =>
      orderOf(reply, sale, shopper, key),
    );
  }

  #submit<T>(
    name: string,
    sale: SaleId,
    command: Command,
    units: number,
    done: Done<T>,
    read: (reply: Reply) => T,
  ): void {
    const batcher = this.#batchers[laneOfId(sale)];
    if (batcher === undefined) {
      // An id that names no lane of ours names no sale of ours.
      done({ kind: 'rejected', rejection: { code: 'not_found' }, now: clock.wall() });
      return;
    }
    batcher.submit(sale, command, units, (answer) => {
      done(outcomeOf(name, answer, read));
    });
  }
}

function countsOf(
  reply: Reply,
  sale: SaleId,
): LaneSale & { inDoubt: { count: number; ageMs: number } } {
  const [, st, start, end, expired, released, items, attempts, refused, inDoubt, age] =
    reply as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      [string, number, number, number, number, number][],
      number,
      [number, number][],
      number,
      number,
    ];
  return {
    id: sale,
    state: saleStates[st] ?? 'scheduled',
    startsAt: start,
    endsAt: end,
    items: items.map(([product, price, allotted, available, held, sold]) => ({
      product,
      price,
      allotted,
      available,
      held,
      sold,
    })),
    expired,
    released,
    attempts,
    refused: Object.fromEntries(refused.map(([n, times]) => [codeNames.get(n) ?? n, times])),
    inDoubt: { count: inDoubt, ageMs: age },
  };
}
