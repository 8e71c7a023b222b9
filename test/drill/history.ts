/**
 * What the crowd asked and what it was told: `ok` (it happened), `refused` (it did not) or
 * `unknown` (no answer came, or only "ask again"). An unknown command is asked again by its key
 * until it is known, as a client is told to do.
 */

export type Verb = 'hold' | 'pay' | 'release';

/** One command, asked once or more often under one key. */
export interface Asked {
  readonly verb: Verb;
  readonly sale: string;
  /** Index of the shopper's account. */
  readonly shopper: number;
  readonly key: string;
  readonly body: unknown;
  /** Of pay and release. */
  readonly order: string;
  readonly startedAt: number;
  outcome: 'ok' | 'refused' | 'unknown';
  answeredAt: number;
  tries: number;
  /** Answers "503" among the tries. */
  unavailable: number;
  status: number;
  code: string;
}

/** An order that a shopper was told of, and what became of it as far as they know. */
export interface KnownOrder {
  readonly id: string;
  readonly sale: string;
  readonly product: string;
  readonly shopper: number;
  readonly units: readonly number[];
  readonly amount: number;
  /** Ends that were asked for; one that was not must not have happened. */
  payAsked: boolean;
  releaseAsked: boolean;
  end: 'paid' | 'released' | null;
}

export class History {
  readonly commands: Asked[] = [];
  readonly orders = new Map<string, KnownOrder>();
  /** What contradicts a promise at the moment it was seen. */
  readonly violations: string[] = [];
  /** How often the interesting things happened: a run without them has tested nothing. */
  readonly seen = {
    sold_out: 0,
    replayed: 0,
    expired_race: 0,
    unavailable: 0,
    unknown: 0,
    limit: 0,
  };

  blame(what: string): void {
    this.violations.push(what);
  }

  get unknown(): Asked[] {
    return this.commands.filter((c) => c.outcome === 'unknown');
  }

  /** Commands that were begun from then on, for the row of one fault. */
  since(at: number): Asked[] {
    const from = this.commands.findIndex((c) => c.startedAt >= at);
    return from < 0 ? [] : this.commands.slice(from);
  }
}
