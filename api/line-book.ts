/**
 * What is known of lines beside their figures: how fast they moved in the last seconds. Kept for each
 * sale that somebody asks for; what a waiting ticket is told (time, chance) comes from it.
 */
import { chance, etaSeconds, noMemory, remember } from '../engine/index.ts';
import type {
  LaneSale,
  LineFigures,
  LineLook,
  LineMemory,
  LineTicket,
  Millis,
  SaleId,
  SaleTerms,
} from '../engine/index.ts';

const salesMax = 1000;

/** A line at a moment, and what was seen of it before. */
export interface Outlook {
  readonly look: LineLook;
  readonly memory: LineMemory;
  /** What was found already, by places ahead, where many ask at once. */
  readonly found?: Map<number, Found>;
}

interface Found {
  readonly wait: Range | null;
  readonly chance: number;
}

const sumOf = (lane: LaneSale, what: 'held' | 'sold'): number =>
  lane.items.reduce((sum, item) => sum + item[what], 0);

export function lookOf(
  terms: SaleTerms,
  lane: LaneSale,
  figures: LineFigures,
  at: Millis,
): LineLook {
  const rate = terms.admission['rate_per_second'];
  return {
    at,
    moving: figures.state === 'live',
    admissions: figures.begun,
    open: figures.admitted,
    claims: figures.claims,
    available: figures.available,
    held: sumOf(lane, 'held'),
    sold: sumOf(lane, 'sold'),
    returned: lane.expired + lane.released,
    limit: figures.limit,
    turnMs: figures.turnMs,
    holdMs: terms.holdSeconds * 1000,
    factorPercent: figures.factorPercent,
    ratePerSecond: typeof rate === 'number' ? rate : null,
    endsAt: terms.endsAt,
  };
}

export class LineBook {
  readonly #memories = new Map<SaleId, LineMemory>();

  /** Remembers the look, and answers with all that was. */
  see(sale: SaleId, look: LineLook): Outlook {
    const memory = remember(this.#memories.get(sale) ?? noMemory, look);
    if (!this.#memories.has(sale) && this.#memories.size >= salesMax) this.#memories.clear();
    this.#memories.set(sale, memory);
    return { look, memory };
  }
}

export type Range = readonly [number, number];

/** The same for many tickets of one moment: places that are nearly alike are looked at once. */
export const forMany = ({ look, memory }: Outlook): Outlook => ({
  look,
  memory,
  found: new Map(),
});

/** Places up to here are looked at one by one; beyond, `alike` of each doubling are. */
const exactUpTo = 64;
const alike = 32;

/** The last place that is taken as alike to this one: at most a thirtieth further back. */
function lastAlike(ahead: number): number {
  if (ahead < exactUpTo) return ahead;
  const step = 2 ** Math.floor(Math.log2(ahead)) / alike;
  return Math.floor(ahead / step) * step + Math.ceil(step) - 1;
}

const chanceAt = (ahead: number, look: LineLook, memory: LineMemory): number =>
  Math.round(chance(ahead, look, memory) * 100) / 100;

/** Of those alike the one furthest back speaks for all: nobody is promised more than there is. */
function foundAt(ahead: number, { look, memory }: Outlook, found: Map<number, Found>): Found {
  const at = lastAlike(ahead);
  const before = found.get(at);
  if (before !== undefined) return before;
  const now = { wait: etaSeconds(at, look, memory), chance: chanceAt(at, look, memory) };
  found.set(at, now);
  return now;
}

/** Seconds until a ticket with so many waiting before it has its turn; null = unknown. */
export function waitOf(ahead: number, outlook: Outlook): Range | null {
  const { look, memory, found } = outlook;
  return found === undefined
    ? etaSeconds(ahead, look, memory)
    : foundAt(ahead, outlook, found).wait;
}

/** Of a waiting ticket with a number, in hundredths; null for every other. */
export function chanceOf(ticket: LineTicket, outlook: Outlook): number | null {
  const { look, memory, found } = outlook;
  if (ticket.ahead === null) return null;
  return found === undefined
    ? chanceAt(ticket.ahead, look, memory)
    : foundAt(ticket.ahead, outlook, found).chance;
}

const steps = [0, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000];

/** `[ahead, at least, at most]` in seconds, for places of the line; those that are unknown are left out. */
export function waitsOf(waiting: number, outlook: Outlook): (readonly [number, number, number])[] {
  return steps
    .filter((ahead) => ahead <= waiting)
    .flatMap((ahead) => {
      const range = waitOf(ahead, outlook);
      return range === null ? [] : [[ahead, range[0], range[1]] as const];
    });
}
