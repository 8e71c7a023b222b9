/** What `highnoon plan` says of a sale: the scene that was asked for, and how its play went. Pure. */
import { ratePerSecondMax } from '../domain/line/pace.ts';
import type { Course, Scene } from '../domain/line/simulate.ts';

/** Arguments of the command, each a number. */
export const numbers = {
  shoppers: { default: '', min: 1, max: 5_000_000, whole: true },
  units: { default: '', min: 1, max: 10_000_000, whole: true },
  rate: { default: '', min: 0.001, max: ratePerSecondMax, whole: false },
  limit: { default: '1', min: 1, max: 1000, whole: true },
  'turn-seconds': { default: '120', min: 1, max: 86_400, whole: true },
  factor: { default: '1', min: 0.01, max: 100, whole: false },
  'hold-seconds': { default: '300', min: 1, max: 3600, whole: true },
  duration: { default: '3600', min: 1, max: 2_592_000, whole: true },
  'take-share': { default: '0.9', min: 0, max: 1, whole: false },
  'return-share': { default: '0.1', min: 0, max: 1, whole: false },
  'leave-share': { default: '0.05', min: 0, max: 1, whole: false },
  'think-seconds': { default: '20', min: 0, max: 86_400, whole: false },
  seed: { default: '1', min: 0, max: 4_294_967_295, whole: true },
} as const;

export type Name = keyof typeof numbers;
export type Asked = Readonly<Record<Name, number>>;

/** A number of the command line, or what is wrong with it. */
export function numberOf(name: Name, text: string): number | string {
  const { min, max, whole } = numbers[name];
  if (text === '') return `--${name} is missing`;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const fits = value >= min && value <= max && (!whole || Number.isInteger(value));
  return fits
    ? value
    : `--${name}: ${text} is not ${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`;
}

/** Rounds of a sale that lasts for weeks are longer: their number stays bounded. */
const roundMs = 250;
const roundsMax = 1_000_000;

export const sceneOf = (asked: Asked): Scene => ({
  shoppers: asked.shoppers,
  units: asked.units,
  limit: asked.limit,
  ratePerSecond: asked.rate,
  turnMs: asked['turn-seconds'] * 1000,
  factorPercent: Math.round(asked.factor * 100),
  holdMs: asked['hold-seconds'] * 1000,
  durationMs: asked.duration * 1000,
  takeShare: asked['take-share'],
  returnShare: asked['return-share'],
  thinkMs: asked['think-seconds'] * 1000,
  leaveShare: asked['leave-share'],
  roundMs: Math.max(roundMs, Math.ceil((asked.duration * 1000) / roundsMax)),
  lane: () => ({ holdP99Ms: 0, inDoubtAgeMs: 0 }),
});

/** mulberry32: small, and the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const rowsMax = 10;

/** Share of buyers among the numbers from one to another, both included. */
export interface Odds {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

export interface Outlook {
  readonly sold: number;
  readonly soldOutSeconds: number | null;
  readonly admitted: number;
  readonly buyers: number;
  /** Seconds waited by those who were admitted. */
  readonly waits: {
    readonly median: number;
    readonly p90: number;
    readonly longest: number;
  } | null;
  /** The lowest numbers first; those that nobody buys with are one row at the end. */
  readonly odds: readonly Odds[];
}

export function outlookOf({ admittedAt, bought, soldOutMs, sold }: Course): Outlook {
  const waits = admittedAt.filter((ms) => !Number.isNaN(ms)).sort();
  const at = (share: number): number =>
    (waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0) / 1000;
  return {
    sold,
    soldOutSeconds: soldOutMs === null ? null : soldOutMs / 1000,
    admitted: waits.length,
    buyers: bought.reduce((sum, units) => sum + (units > 0 ? 1 : 0), 0),
    waits: waits.length === 0 ? null : { median: at(0.5), p90: at(0.9), longest: at(1) },
    odds: oddsOf(bought),
  };
}

/** Rows as far as somebody buys, and one for all the others: there the odds change. */
function oddsOf(bought: Uint32Array): Odds[] {
  const reach = bought.findLastIndex((units) => units > 0) + 1;
  const rest = reach < bought.length ? [{ from: reach + 1, to: bought.length, share: 0 }] : [];
  const rows = Math.min(reach, rowsMax - rest.length);
  const reached = Array.from({ length: rows }, (_, i) => {
    const from = Math.floor((reach * i) / rows);
    const to = Math.floor((reach * (i + 1)) / rows);
    const buyers = bought.subarray(from, to).reduce((sum, units) => sum + (units > 0 ? 1 : 0), 0);
    return { from: from + 1, to, share: buyers / (to - from) };
  });
  return [...reached, ...rest];
}

function spanOf(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const barWidth = 40;
const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Odds by number, as bars. */
function pictureOf({ odds }: Outlook): string[] {
  return odds.map(({ from, to, share }) => {
    const bar = '█'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '·');
    const label = `${from.toLocaleString('en')} – ${to.toLocaleString('en')}`;
    return `  ${label.padStart(24)}  ${bar}  ${percent(share).padStart(5)}`;
  });
}

export function linesOf(asked: Asked, outlook: Outlook): string[] {
  const { sold, soldOutSeconds, admitted, buyers, waits } = outlook;
  const { shoppers, units, rate } = asked;
  return [
    `${shoppers.toLocaleString('en')} shoppers, ${units.toLocaleString('en')} units, ${rate} turns a second`,
    '',
    soldOutSeconds === null
      ? `  not sold out: ${sold.toLocaleString('en')} of ${units.toLocaleString('en')} units sold in ${spanOf(asked.duration)}`
      : `  sold out after ${spanOf(soldOutSeconds)}, every unit paid for`,
    `  ${admitted.toLocaleString('en')} come to a turn, ${buyers.toLocaleString('en')} buy: ${percent(buyers / shoppers)} of all`,
    ...(waits === null
      ? []
      : [
          `  whoever comes to a turn waits ${spanOf(waits.median)} in the median, nine in ten at most ${spanOf(waits.p90)}, the last ${spanOf(waits.longest)}`,
        ]),
    '',
    '  odds of buying, by number:',
    ...pictureOf(outlook),
    '',
    `  assumed: ${percent(asked['take-share'])} of turns take, ${percent(asked['return-share'])} of what is taken comes back unpaid, ${percent(asked['leave-share'])} leave the line`,
  ];
}
