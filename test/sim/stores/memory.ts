/**
 * What Postgres was asked and has answered, for as long as nothing that the answer is made of has changed.
 * Most of a run is loops that look and find nothing, and asking the server each time would be most of
 * its time. What is asked is still a call that travels, and may be lost, like any other.
 */
import { createHash } from 'node:crypto';
import type { QueryResult } from 'pg';

/** Values of a statement; a text is the lines of a COPY. */
export type Input = readonly unknown[] | string;

/** What a statement says of itself. */
export interface Facts {
  /** As a prepared statement. */
  readonly name: string;
  /** Its beginning, for the trace. */
  readonly short: string;
  /** It writes nothing. */
  readonly isQuestion: boolean;
  /** It asks for the time. */
  readonly hasClock: boolean;
  /** It asks what is due: what it finds later has in it what it finds now, but for what was changed. */
  readonly isDue: boolean;
  /** The same again while its tables are the same: no lock that is no row's, no sequence, no view is in it. */
  readonly isRepeatable: boolean;
  readonly tables: readonly string[];
  /** Tables of which it may change or lock rows. */
  readonly touched: readonly string[];
}

const facts = new Map<string, Facts>();

export function factsOf(text: string): Facts {
  const known = facts.get(text);
  if (known !== undefined) return known;
  const found = readFacts(text);
  facts.set(text, found);
  return found;
}

/** Stands for every table. */
const everything = '*';

const shortLength = 40;

/** Every time in it is one that something has passed, and nothing turns that round. */
function asksWhatIsDue(text: string): boolean {
  const times = text.split('now()').length - 1;
  const passed = text.match(/<= now\(\)/g)?.length ?? 0;
  return times > 0 && times === passed && !/\bNOT\b|EXCEPT|count\(|min\(|max\(/.test(text);
}

const matches = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
];

function readFacts(text: string): Facts {
  const written = matches(text, /\b(?:INSERT INTO|UPDATE|DELETE FROM|COPY)\s+([a-z]\w*\.\w+)/g);
  const tables = matches(text, /\b((?:platform|sale)\.\w+)/g);
  const isQuestion = /^\s*(?:SELECT|WITH)\b/.test(text) && written.length === 0;
  const locked = /\bFOR (?:NO KEY )?(?:UPDATE|SHARE)\b/.test(text) ? tables : [];
  const changed = isQuestion || written.length > 0 ? written : [everything];
  return {
    name: createHash('md5').update(text).digest('hex'),
    short: text.replace(/\s+/g, ' ').trim().slice(0, shortLength),
    isQuestion,
    hasClock: text.includes('now()'),
    isDue: isQuestion && locked.length === 0 && asksWhatIsDue(text),
    isRepeatable: !/clock_timestamp|advisory|nextval|random|storefront|sale\.turns/.test(text),
    tables: tables.length > 0 ? tables : [everything],
    touched: [...new Set([...changed, ...locked])],
  };
}

interface Answer {
  readonly version: number;
  readonly result: QueryResult;
}

/** Of what is due. */
interface Due {
  readonly version: number;
  /** Virtual ms. */
  readonly until: number;
  /** Nothing is due until then. */
  readonly none: QueryResult | null;
}

/** What is due is asked for so much ahead: where nothing will be due then, nothing is until then. */
const aheadMs = 500;

/** Asks the server as if it were so many ms later. */
type Ask = (aheadMs: number) => Promise<QueryResult>;

export class Memory {
  readonly #versions = new Map<string, number>();
  readonly #answers = new Map<string, Map<string, Answer>>();
  readonly #due = new Map<string, Due>();

  /** `filled` = tables that have rows at the beginning. */
  constructor(filled: readonly string[]) {
    this.changed(filled);
  }

  /** Rows of these were committed, or locks on them given back. */
  changed(tables: readonly string[]): void {
    for (const table of tables) this.#versions.set(table, this.#of(table) + 1);
  }

  async answer(text: string, values: Input, ask: () => Promise<QueryResult>): Promise<QueryResult> {
    if (!this.#isLasting(text)) return ask();
    const { name } = factsOf(text);
    const version = this.#versionOf(text);
    const asked = this.#answers.get(name) ?? new Map<string, Answer>();
    this.#answers.set(name, asked);
    const key = values.length === 0 ? '' : JSON.stringify(values);
    const known = asked.get(key);
    if (known?.version === version) return known.result;
    const result = await ask();
    // Rows that were found are locked now: whoever asks again must wait for them.
    if (result.rows.length === 0 || !text.includes('FOR UPDATE')) {
      asked.set(key, { version, result });
    }
    return result;
  }

  /** The same of one that is asked outside of transactions, at `now`, virtual ms. */
  async answerAt(text: string, values: Input, now: number, ask: Ask): Promise<QueryResult> {
    const { name, isDue, isRepeatable } = factsOf(text);
    if (!isDue || !isRepeatable || this.#isLasting(text)) {
      return this.answer(text, values, () => ask(0));
    }
    const version = this.#versionOf(text);
    const key = `${name} ${JSON.stringify(values)}`;
    let due = this.#due.get(key);
    if (due?.version !== version || due.until <= now) {
      const later = await ask(aheadMs);
      due = { version, until: now + aheadMs, none: later.rows.length === 0 ? later : null };
      this.#due.set(key, due);
    }
    return due.none ?? ask(0);
  }

  #versionOf(text: string): number {
    return factsOf(text).tables.reduce((sum, one) => sum + this.#of(one), this.#of(everything));
  }

  /** Whatever the time is: nothing is found, or changed, where nothing has ever been. */
  #isLasting(text: string): boolean {
    const { isQuestion, hasClock, isRepeatable, tables } = factsOf(text);
    if (!isRepeatable) return false;
    if (isQuestion && !hasClock) return true;
    return !/^\s*INSERT|^\s*COPY/.test(text) && tables.every((one) => this.#of(one) === 0);
  }

  #of(table: string): number {
    return this.#versions.get(table) ?? 0;
  }
}
