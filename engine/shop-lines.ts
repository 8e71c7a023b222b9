/**
 * What shoppers ask of orders with several lines: to hold, pay, release and read all of them in one
 * call of their lane, or none. The first line is the order; the outcome's other lines are its parts.
 */
import type { KeyObject } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import { fnv1a } from './domain/fingerprint.ts';
import { laneOfId, orderKey, saleOfOrder } from './domain/ids.ts';
import type { LaneOrder, OrderCommand, OrderId, Outcome } from './domain/types.ts';
import type { RefusedLine, ShopperId } from './domain/types.ts';
import type { Batcher, Placed } from './lanes/batcher.ts';
import type { Reply } from './lanes/codec.ts';
import { op } from './lanes/codes.ts';
import { endKey } from './lanes/order-key.ts';
import type { OrderLine } from './order-lines.ts';
import { outcomeOf } from './outcomes.ts';
import { orderOf } from './shop.ts';

export interface LinesCommand {
  readonly shopper: ShopperId;
  readonly verified: boolean;
  /** In sales of one lane. */
  readonly lines: readonly OrderLine[];
}

export class ShopLines {
  #batchers: readonly Batcher[];
  #secret: KeyObject;

  constructor(batchers: readonly Batcher[], secret: KeyObject) {
    this.#batchers = batchers;
    this.#secret = secret;
  }

  /** Holds all lines, until the earliest of their deadlines; or names those in the way. */
  hold(command: LinesCommand): Promise<Outcome<LaneOrder>> {
    return this.#submit('hold', placedOf(command), command.shopper, unitsOf(command));
  }

  /** Names the lines that `hold` would find in the way, and holds none; null = nobody can say now. */
  async look(command: LinesCommand): Promise<readonly RefusedLine[] | null> {
    const placed = placedOf(command);
    const looked = await this.#submit('look', placed, command.shopper, unitsOf(command), true);
    if (looked.kind !== 'rejected') return null;
    return looked.rejection.code === 'lines_refused' ? looked.rejection.lines : null;
  }

  /** Pays or releases all lines. `fingerprint` = of the command's body. */
  end(
    kind: 'pay' | 'release',
    orders: readonly OrderId[],
    { order: home, shopper, idempotencyKey }: OrderCommand,
    fingerprint: number,
  ): Promise<Outcome<LaneOrder>> {
    const end = idempotencyKey === '' ? '' : endKey(this.#secret, kind, home, idempotencyKey);
    const placed = orders.map((order): Placed => {
      const rest = [shopper, orderKey(order), end, fingerprint];
      return { sale: saleOfOrder(order), command: [op[kind], 0, ...rest] };
    });
    return this.#submit(kind, placed, shopper, 0);
  }

  read(orders: readonly OrderId[], shopper: ShopperId): Promise<Outcome<LaneOrder>> {
    const placed = orders.map((order): Placed => ({
      sale: saleOfOrder(order),
      command: [op.read, 0, shopper, orderKey(order)],
    }));
    return this.#submit('read', placed, shopper, 0);
  }

  #submit(
    name: string,
    lines: readonly Placed[],
    shopper: ShopperId,
    units: number,
    isLook = false,
  ): Promise<Outcome<LaneOrder>> {
    const sale = lines[0]?.sale ?? '';
    const batcher = this.#batchers[laneOfId(sale)];
    if (batcher === undefined) {
      const rejection = { code: 'not_found' } as const;
      return Promise.resolve({ kind: 'rejected', rejection, now: clock.wall() });
    }
    const read = ([, replies]: Reply): LaneOrder => wholeOf(replies as Reply[], lines, shopper);
    return new Promise((resolve) => {
      const commands = lines.map((line) => line.command);
      const command = [op.together, -1, commands, isLook ? 1 : 0] as const;
      const done = (answer: Parameters<typeof outcomeOf>[1]): void => {
        resolve(outcomeOf(name, answer, read));
      };
      batcher.submit(sale, [...command], units, done, lines);
    });
  }
}

const unitsOf = ({ lines }: LinesCommand): number =>
  lines.reduce((sum, { quantity }) => sum + quantity, 0);

const placedOf = ({ shopper, verified, lines }: LinesCommand): Placed[] =>
  lines.map(({ order, product, quantity }) => {
    const fingerprint = fnv1a(`${quantity}\0${product}`);
    const rest = [shopper, orderKey(order), fingerprint, quantity, product, verified ? 1 : 0];
    return { sale: saleOfOrder(order), command: [op.hold, 0, ...rest] };
  });

function wholeOf(
  replies: readonly Reply[],
  lines: readonly Placed[],
  shopper: ShopperId,
): LaneOrder {
  const [home, ...parts] = replies.map((reply, i) => {
    const { sale, command } = lines[i] as Placed;
    return orderOf(reply, sale, shopper, command[3] as string);
  });
  return { ...(home as LaneOrder), parts };
}
