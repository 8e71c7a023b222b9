/**
 * What shoppers and the admitter ask of a sale's line. Turns commands into batch commands, replies
 * into outcomes, and the joins of a batch into signed receipts; decides nothing itself.
 */
import type { KeyObject } from 'node:crypto';
import { clock } from '../platform/clock.ts';
import { laneOfId, ticketIdOf } from './domain/ids.ts';
import type { JoinCommand, LineFigures, LineTicket, Receipt } from './domain/line/types.ts';
import type { Millis, Outcome, SaleId, ShopperId } from './domain/types.ts';
import type { Answered, Batcher, Command } from './lanes/batcher.ts';
import type { Reply } from './lanes/codec.ts';
import { code, lineModes, lineOp, saleStates, ticketStates } from './lanes/codes.ts';
import { HmacSha256 } from './lanes/hmac.ts';
import { leaveKey, ticketKey } from './lanes/order-key.ts';
import { digestOf, signReceipt, type ReceiptKeys } from './lanes/receipt.ts';
import { entrantOf } from './line/chain.ts';
import { outcomeOf } from './outcomes.ts';

/** A reply about a ticket: see lua/line.lua. */
type PackedTicket = readonly [
  code: number,
  known: number,
  index: number,
  number: number,
  state: number,
  turnEndsAt: Millis,
  key: string,
  ahead: number,
];

type PackedFigures = readonly [
  mode: number,
  state: number,
  bell: number,
  numbered: number,
  joined: number,
  waiting: number,
  parked: number,
  turns: number,
  claims: number,
  available: number,
  limit: number,
  serving: number,
  cutLine: number,
  turnMs: number,
  factorPercent: number,
  begun: number,
];

/** Of one sale in one batch. */
interface Shared {
  readonly figures: LineFigures;
  /** Without the index, which is each ticket's own; null = the batch joined nobody before the bell. */
  readonly receipt: Omit<Receipt, 'index'> | null;
}

/** Shoppers that one command says were seen (lua/include/check_line.lua bounds it). */
const seenPerCommand = 500;

export class Line {
  readonly #batchers: readonly Batcher[];
  readonly #mac: HmacSha256;

  constructor(batchers: readonly Batcher[], secret: KeyObject) {
    this.#batchers = batchers;
    this.#mac = new HmacSha256(secret);
  }

  join(asked: JoinCommand): Promise<Outcome<LineTicket>> {
    const { sale, shopper, verified } = asked;
    const command: Command = [lineOp.join, 0, shopper, this.keyOf(asked), verified ? 1 : 0];
    return this.#ask('join', sale, command, 1, ticketOf);
  }

  /** The own part of the id of the ticket that this command makes. */
  keyOf({ sale, shopper, idempotencyKey, asked }: Omit<JoinCommand, 'verified'>): string {
    return ticketKey(this.#mac, shopper, sale, idempotencyKey, asked);
  }

  /** `idempotencyKey` '' = without one: then it leaves whatever ticket there is. */
  leave(sale: SaleId, shopper: ShopperId, idempotencyKey = ''): Promise<Outcome<LineTicket>> {
    const key = leaveKey(this.#mac, shopper, sale, idempotencyKey);
    return this.#ask('leave', sale, [lineOp.leave, 0, shopper, key], 0, ticketOf);
  }

  /** `present` = its owner is here now: who was parked waits again. */
  ticket(sale: SaleId, shopper: ShopperId, present: boolean): Promise<Outcome<LineTicket>> {
    const command: Command = [lineOp.ticket, 0, shopper, present ? 1 : 0];
    return this.#ask('ticket', sale, command, 0, ticketOf);
  }

  /** These shoppers are here now. What does not reach the lane is lost: it was a hint. */
  async seen(sale: SaleId, shoppers: readonly ShopperId[]): Promise<void> {
    for (let at = 0; at < shoppers.length; at += seenPerCommand) {
      const some = shoppers.slice(at, at + seenPerCommand);
      await this.#ask('seen', sale, [lineOp.seen, 0, some], 0, () => null);
    }
  }

  figures(sale: SaleId): Promise<Outcome<LineFigures>> {
    return this.#ask('line', sale, [lineOp.line, 0], 0, (_, { figures }) => figures);
  }

  /**
   * Admits up to `most` tickets. `room` = units that new turns may still claim; `more` = it stopped
   * at those whose owners are away, and others wait behind them.
   */
  admit(
    sale: SaleId,
    most: number,
  ): Promise<Outcome<{ admitted: number; room: number; more: boolean }>> {
    return this.#ask('admit', sale, [lineOp.admit, 0, most], 0, (reply, { figures }) => {
      const [, admitted, room] = reply as unknown as readonly [number, number, number];
      const { numbered, waiting, parked, state } = figures;
      const isOpen = numbered && state === 'live';
      const more = isOpen && admitted < most && room > 0 && waiting > parked;
      return { admitted, room, more };
    });
  }

  /**
   * Ends up to `most` turns that are over. `drained` = none is left that is; `empty` = nobody waits
   * or has a turn.
   */
  lapse(
    sale: SaleId,
    most: number,
  ): Promise<Outcome<{ ended: number; drained: boolean; empty: boolean }>> {
    return this.#ask('lapse', sale, [lineOp.lapse, 0, most], 0, (reply, { figures }) => ({
      ended: reply[1] as number,
      drained: reply[2] === 1,
      empty: figures.waiting === 0 && figures.admitted === 0,
    }));
  }

  #ask<T>(
    name: string,
    sale: SaleId,
    command: Command,
    units: number,
    read: (reply: Reply, shared: Shared) => T,
  ): Promise<Outcome<T>> {
    const batcher = this.#batchers[laneOfId(sale)];
    if (batcher === undefined) {
      // An id that names no lane of ours names no sale of ours.
      const rejection = { code: 'not_found' } as const;
      return Promise.resolve({ kind: 'rejected', rejection, now: clock.wall() });
    }
    return new Promise((resolve) => {
      batcher.submit(sale, command, units, (answer) => {
        resolve(outcomeOf(name, answer, (reply, shared) => read(reply, sharedOf(shared, sale))));
      });
    });
  }
}

function sharedOf(shared: unknown, sale: SaleId): Shared {
  const own = (shared as ReadonlyMap<SaleId, Shared>).get(sale);
  if (own === undefined) throw new Error(`a batch without the figures of ${sale}`);
  return own;
}

function ticketOf(reply: Reply, { figures, receipt }: Shared): LineTicket {
  const [, known, index, number, state, turnEndsAt, key, ahead] = reply as unknown as PackedTicket;
  const isNew = known === 0 && number === 0;
  return {
    id: ticketIdOf(figures.sale, key),
    sale: figures.sale,
    index,
    state: ticketStates[state - 1] ?? 'waiting',
    number: number === 0 ? null : number,
    ahead: ahead < 0 ? null : ahead,
    turnEndsAt: turnEndsAt === 0 ? null : turnEndsAt,
    receipt: isNew && receipt !== null ? { ...receipt, index } : null,
    known: known === 1,
    line: figures,
  };
}

/** What the answers of a batch have in common, by sale: figures, and one signed receipt. */
export function shareLine(keys: ReceiptKeys): (answered: Answered) => ReadonlyMap<SaleId, Shared> {
  return (answered) => {
    const receipts = receiptsOf(keys, answered);
    const [packed] = answered.rest as [(PackedFigures | false)[]];
    const sales = [...new Set(answered.batch.map(({ sale }) => sale))];
    const shared = new Map<SaleId, Shared>();
    for (const [i, sale] of sales.entries()) {
      const own = packed[i];
      if (own === undefined || own === false) continue;
      shared.set(sale, { figures: figuresOf(own, sale), receipt: receipts.get(sale) ?? null });
    }
    return shared;
  };
}

/** One for each sale that somebody joined before its bell: joins of a batch stand in its entry in order. */
function receiptsOf(
  keys: ReceiptKeys,
  { batch, replies, epoch, seq }: Answered,
): Map<SaleId, Omit<Receipt, 'index'>> {
  const entrants = new Map<SaleId, Buffer[]>();
  for (const [i, { sale, command }] of batch.entries()) {
    const [done, known, , number, , , key] = (replies[i] ?? []) as unknown as PackedTicket;
    if (command[0] !== lineOp.join || done !== code.done || known !== 0 || number !== 0) continue;
    const own = entrants.get(sale) ?? [];
    own.push(entrantOf(ticketIdOf(sale, key)));
    entrants.set(sale, own);
  }
  const position = `${epoch}-${seq}`;
  const made = new Map<SaleId, Omit<Receipt, 'index'>>();
  for (const [sale, own] of entrants) {
    const digest = digestOf(own);
    made.set(sale, { position, digest, signature: signReceipt(keys, sale, position, digest) });
  }
  return made;
}

/** Whoever waited or had a turn has lapsed with the sale: the lane ends none of them by itself. */
const nobody = { waiting: 0, parked: 0, admitted: 0, claims: 0 } as const;

function figuresOf(packed: PackedFigures, sale: SaleId): LineFigures {
  const [mode, stateCode, bell, numbered, joined, waiting, parked, turns, claims] = packed;
  const [available = 0, limit = 0, serving = 0, cut = -1, turnMs = 0, percent = 0, begun = 0] =
    packed.slice(9);
  const state = saleStates[stateCode] ?? 'scheduled';
  const hasEnded = state === 'closing' || state === 'closed';
  return {
    sale,
    mode: lineModes[mode] === 'draw' ? 'draw' : 'queue',
    state,
    bell: bell < 0 ? null : bell,
    numbered: numbered === 1,
    joined,
    ...(hasEnded ? nobody : { waiting, parked, admitted: turns, claims }),
    ...{ available, limit, serving, begun, turnMs },
    cutLine: cut < 0 ? null : cut,
    factorPercent: percent,
  };
}
