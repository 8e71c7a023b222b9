/**
 * Writes the line of a sale into a lane that is being rebuilt: its counts and places, as
 * lua/include/line.lua reads them. Who was parked waits again, and nobody counts as away.
 */
import { AssertionFailed } from '../../platform/fault.ts';
import type { Ticket } from '../domain/lane/state.ts';
import { pushLineKeys } from '../lanes/keys.ts';
import { pack } from '../lanes/codec.ts';
import type { SaleId } from '../domain/types.ts';
import type { LaneWriter } from './lane-writer.ts';
import { goneOf, turnsOf, type LineRow, type TicketRow } from './ticket-rows.ts';

const placesPerWrite = 500;

/** Places of one sorted set, written in chunks. */
class Places {
  readonly #writer: LaneWriter;
  readonly #key: string;
  #chunk: string[] = [];

  constructor(writer: LaneWriter, key: string) {
    this.#writer = writer;
    this.#key = key;
  }

  async add(shopper: string, score: number): Promise<void> {
    this.#chunk.push(String(score), shopper);
    if (this.#chunk.length >= 2 * placesPerWrite) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#chunk.length === 0) return;
    await this.#writer.add(['ZADD', this.#key, ...this.#chunk]);
    this.#chunk = [];
  }
}

export class LineWriter {
  readonly #line: LineRow;
  readonly #writer: LaneWriter;
  readonly #waits: Places;
  readonly #turns: Places;
  readonly #goneKey: string;
  /** A bit for each index, the first in the highest of its byte. */
  readonly #gone: Buffer;
  #waiting = 0;
  #open = 0;
  #claims = 0;
  #serving = 0;
  #begun = 0;

  constructor(writer: LaneWriter, lane: number, sale: SaleId, line: LineRow) {
    const keys: string[] = [];
    pushLineKeys(keys, lane, sale);
    const [waits = '', turns = '', , , gone = ''] = keys;
    this.#line = line;
    this.#writer = writer;
    this.#goneKey = gone;
    this.#gone = Buffer.alloc(Math.ceil(line.joined / 8));
    this.#waits = new Places(writer, waits);
    this.#turns = new Places(writer, turns);
  }

  /** Takes a shopper's latest ticket, and what all of theirs left behind. */
  async take(shopper: string, ticket: Ticket, rows: readonly TicketRow[]): Promise<void> {
    const { begun, highest } = turnsOf(rows);
    this.#serving = Math.max(this.#serving, highest);
    this.#begun += begun;
    for (const index of goneOf(rows)) {
      const at = index >> 3;
      const bits = this.#gone[at];
      if (bits === undefined) throw new AssertionFailed(`place ${index} of ${this.#line.joined}`);
      this.#gone[at] = bits | (0x80 >> (index & 7));
    }
    if (ticket.state === 'waiting') {
      this.#waiting += 1;
      if (ticket.number > 0) await this.#waits.add(shopper, ticket.number);
    } else if (ticket.state === 'admitted') {
      this.#open += 1;
      this.#claims += ticket.claim;
      await this.#turns.add(shopper, ticket.turnEnds);
    }
  }

  /** Writes what is left; answers field `ln` of the sale. */
  async finish(state: string): Promise<Buffer> {
    await this.#waits.flush();
    await this.#turns.flush();
    const { joined, bell, given, paused, pausedAt } = this.#line;
    const numbered = bell !== null && given === bell;
    const last = this.#gone.findLastIndex((bits) => bits > 0);
    if (!numbered && last >= 0) {
      await this.#writer.add(['SET', this.#goneKey, this.#gone.subarray(0, last + 1)]);
    }
    return pack([
      joined,
      bell ?? -1,
      numbered ? 1 : 0,
      given,
      this.#waiting,
      this.#open,
      this.#claims,
      this.#serving,
      paused,
      state === 'paused' ? pausedAt : 0,
      this.#begun,
    ]);
  }
}
