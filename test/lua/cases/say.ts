/** Short ways to say commands, replies and events in a case. Keys begin with their shopper. */
import type {
  EndEvent,
  HeldEvent,
  LaneCommand,
  OrderReply,
  ShopCommand,
} from '../../../engine/domain/lane/words.ts';
import { endedNow, fingerprint, flash, holdMs, noon, price } from './case.ts';

interface HoldOptions {
  readonly sale?: string;
  readonly quantity?: number;
  readonly product?: string;
  readonly fingerprint?: number;
  readonly verified?: boolean;
}

/** `ann-1` = the first key of ann. */
const shopperOf = (key: string): string => key.split('-')[0] ?? key;

export const hold = (key: string, options: HoldOptions = {}): ShopCommand => ({
  kind: 'hold',
  sale: options.sale ?? flash,
  shopper: shopperOf(key),
  key,
  fingerprint: options.fingerprint ?? fingerprint,
  quantity: options.quantity ?? 1,
  product: options.product ?? '',
  verified: options.verified ?? true,
});

interface EndOptions {
  readonly sale?: string;
  readonly shopper?: string;
  readonly fingerprint?: number;
}

export const pay = (key: string, endKey: string, options: EndOptions = {}): ShopCommand => ({
  kind: 'pay',
  sale: options.sale ?? flash,
  shopper: options.shopper ?? shopperOf(key),
  key,
  endKey,
  endFingerprint: options.fingerprint ?? 5,
});

/** Without a key a release cannot be replayed. */
export const release = (key: string, endKey = '', options: EndOptions = {}): ShopCommand => ({
  kind: 'release',
  sale: options.sale ?? flash,
  shopper: options.shopper ?? shopperOf(key),
  key,
  endKey,
  endFingerprint: options.fingerprint ?? 0,
});

export const details = (key: string, options: EndOptions = {}, generation = 1): ShopCommand => ({
  kind: 'details',
  sale: options.sale ?? flash,
  shopper: options.shopper ?? shopperOf(key),
  key,
  generation,
});

export const read = (key: string, options: EndOptions = {}): ShopCommand => ({
  kind: 'read',
  sale: options.sale ?? flash,
  shopper: options.shopper ?? shopperOf(key),
  key,
});

export const touch = (sale = flash): ShopCommand => ({ kind: 'touch', sale });
export const count = (sale = flash): ShopCommand => ({ kind: 'count', sale });
export const reap = (most: number, sale = flash): ShopCommand => ({ kind: 'reap', sale, most });

type State = OrderReply[1];

interface OrderOptions {
  readonly item?: number;
  /** The generation; true = 1. */
  readonly details?: boolean | number;
  readonly holdMs?: number;
  /** By how much outages have moved its deadline. */
  readonly later?: number;
  /** When it ended; without it, in the batch that says so. */
  readonly endedAt?: number;
}

function orderReply(
  code: 'done' | 'replayed',
  state: State,
  heldAt: number,
  units: readonly number[],
  o: OrderOptions,
): OrderReply {
  const item = o.item ?? 0;
  const at = noon + heldAt;
  const deadline = at + (o.holdMs ?? holdMs) + (o.later ?? 0);
  const stored = Number(o.details ?? 0);
  const ended = o.endedAt === undefined ? endedNow : noon + o.endedAt;
  const endedAt = state === 'held' ? 0 : ended;
  return [code, state, item, `p${item}`, price + item, at, deadline, stored, units, endedAt];
}

/** An order that was held at that time, as it stands now. */
export const done = (
  state: State,
  heldAt: number,
  units: readonly number[],
  options: OrderOptions = {},
): OrderReply => orderReply('done', state, heldAt, units, options);

export const replayed = (
  state: State,
  heldAt: number,
  units: readonly number[],
  options: OrderOptions = {},
): OrderReply => orderReply('replayed', state, heldAt, units, options);

export function held(
  key: string,
  at: number,
  units: readonly number[],
  o: { item?: number; fingerprint?: number; holdMs?: number } = {},
): HeldEvent {
  const item = o.item ?? 0;
  const expiresAt = noon + at + (o.holdMs ?? holdMs);
  const print = o.fingerprint ?? fingerprint;
  return ['held', key, shopperOf(key), item, price + item, expiresAt, print, units];
}

export const paid = (
  key: string,
  endKey: string,
  units: readonly number[],
  item = 0,
  generation = 1,
): EndEvent => ['paid', key, shopperOf(key), endKey, 5, item, units, generation];

export const released = (
  key: string,
  units: readonly number[],
  endKey = '',
  item = 0,
): EndEvent => ['released', key, shopperOf(key), endKey, 0, item, units, 0];

/** `generation` = of the details that it had; 0 = none. */
export const expired = (
  key: string,
  units: readonly number[],
  item = 0,
  generation = 0,
): EndEvent => ['expired', key, shopperOf(key), '', 0, item, units, generation];

export const credit = (number: number, units: number, item = 0, sale = flash): LaneCommand => ({
  number,
  sale,
  kind: 'credit',
  move: `mov_${number}`,
  item,
  units,
});

export const debit = (number: number, units: number, item = 0, sale = flash): LaneCommand => ({
  number,
  sale,
  kind: 'debit',
  move: `mov_${number}`,
  item,
  units,
});

export const control = (
  number: number,
  kind: 'pause' | 'resume' | 'close',
  sale = flash,
): LaneCommand => ({ number, sale, kind });
