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
  /** It writes nothing. */
  readonly isQuestion: boolean;
  /** It asks for the time. */
  readonly hasClock: boolean;
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
    isQuestion,
    hasClock: text.includes('now()'),
    isRepeatable: !/clock_timestamp|advisory|nextval|random|storefront|sale\.turns/.test(text),
    tables: tables.length > 0 ? tables : [everything],
    touched: [...new Set([...changed, ...locked])],
  };
}

interface Answer {
  readonly version: number;
  readonly result: QueryResult;
}

export class Memory {
  readonly #versions = new Map<string, number>();
  readonly #answers = new Map<string, Map<string, Answer>>();

  /** `filled` = tables that have rows at the beginning. */
  constructor(filled: readonly string[]) {
    this.changed(filled);
  }

  /** Rows of these were committed, or locks on them given back. */
  changed(tables: readonly string[]): void {
    for (const table of tables) this.#versions.set(table, this.#of(table) + 1);
  }

  async answer(text: string, values: Input, ask: () => Promise<QueryResult>): Promise<QueryResult> {
    const { name, tables } = factsOf(text);
    if (!this.#isLasting(text)) return ask();
    const version = this.#of(everything) + tables.reduce((sum, one) => sum + this.#of(one), 0);
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
