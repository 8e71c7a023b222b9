/** From what Redis, Kafka and Postgres keep into the words of the pure model. */
import type { LineTerms } from '../domain/lane/state.ts';
import type { LaneCommand, LaneEvent } from '../domain/lane/words.ts';
import type { SaleId } from '../domain/types.ts';
import { lineModes, saleStates } from '../lanes/codes.ts';

/** An event of an entry. A refusal for a sale's state names it by its number there. */
export function eventInWords(event: readonly unknown[]): LaneEvent {
  const isStateRefusal = event[2] === 0 && event[3] === 'state';
  const words = isStateRefusal
    ? [...event.slice(0, 4), saleStates[event[4] as number] ?? '?']
    : event;
  return words as unknown as LaneEvent;
}

export interface CommandRow {
  readonly number: number;
  readonly kind: string;
  readonly sale_id: SaleId;
  /** As lua/command.lua wants it. */
  readonly body: readonly unknown[];
}

/** Null = this version knows no such command. */
export function commandInWords({
  number,
  kind,
  sale_id: sale,
  body,
}: CommandRow): LaneCommand | null {
  switch (kind) {
    case 'install':
    case 'terms':
      return { number, sale, kind, terms: termsOf(body) };
    case 'credit':
    case 'debit': {
      const [move, item, units] = body as [string, number, number];
      return { number, sale, kind, move, item, units };
    }
    case 'pause':
    case 'resume':
    case 'close':
      return { number, sale, kind };
    case 'numbers': {
      const [from, , indexes, shoppers] = body as [number, number, number[], string[]];
      const tickets = indexes.map((index, i) => [index, shoppers[i] ?? ''] as const);
      return { number, sale, kind, from, tickets };
    }
    default:
      return null;
  }
}

function termsOf(body: readonly unknown[]) {
  const [, startsAt, endsAt, limit, holdMs, verifiedOnly, creditsWanted, items, line] = body as [
    SaleId,
    number,
    number,
    number,
    number,
    number,
    number,
    [string, number][],
    ([number, number, number, number] | null)?,
  ];
  return {
    ...{ startsAt, endsAt, limit, holdMs, creditsWanted, verifiedOnly: verifiedOnly === 1 },
    items: items.map(([product, price]) => ({ product, price })),
    line: lineOf(line),
  };
}

function lineOf(packed?: readonly [number, number, number, number] | null): LineTerms | null {
  if (packed === undefined || packed === null) return null;
  const [mode, turnMs, factorPercent, lineMax] = packed;
  const name = lineModes[mode];
  if (name === 'open' || name === undefined) return null;
  return { mode: name, turnMs, factorPercent, lineMax };
}
