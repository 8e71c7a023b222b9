/**
 * Lane commands as Postgres keeps them: written in the transaction that decides them, numbered
 * last and lanes ascending, so that two settlements never wait for each other in a ring.
 */
import type { Query } from '../../platform/postgres/db.ts';
import type { SaleId } from '../domain/types.ts';

export type CommandKind =
  'install' | 'terms' | 'credit' | 'debit' | 'pause' | 'resume' | 'close' | 'numbers';

export interface NewCommand {
  readonly lane: number;
  readonly kind: CommandKind;
  readonly sale: SaleId;
  readonly move: string | null;
  /** As lua/command.lua wants it. */
  readonly body: readonly unknown[];
  /** By what it is found again when it is asked for with the same Idempotency-Key. */
  readonly request?: string | null;
}

/** Commands gathered in one transaction; `flush` must be its last statement. */
export class CommandWriter {
  #commands: NewCommand[] = [];

  add(command: NewCommand): void {
    this.#commands.push(command);
  }

  /** Takes over what another one has gathered. */
  take(other: CommandWriter): void {
    this.#commands.push(...other.#commands);
  }

  get lanes(): readonly number[] {
    return [...new Set(this.#commands.map((c) => c.lane))].sort((a, b) => a - b);
  }

  async flush(q: Query): Promise<void> {
    for (const lane of this.lanes) {
      const commands = this.#commands.filter((c) => c.lane === lane);
      await q.run(
        `WITH last AS (
           UPDATE sale.lanes SET last_command = last_command + $2 WHERE lane = $1
           RETURNING last_command - $2 AS before)
         INSERT INTO sale.lane_commands (lane, number, kind, sale_id, move_id, body, request)
         SELECT $1, last.before + c.n, c.kind, c.sale_id, c.move_id, c.body, c.request
           FROM last, unnest($3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[])
                WITH ORDINALITY AS c(kind, sale_id, move_id, body, request, n)`,
        [
          lane,
          commands.length,
          commands.map((c) => c.kind),
          commands.map((c) => c.sale),
          commands.map((c) => c.move),
          commands.map((c) => JSON.stringify(c.body)),
          commands.map((c) => c.request ?? null),
        ],
      );
    }
    this.#commands = [];
  }
}

/**
 * Ascending, as commands are numbered: who changes the row of one lane after those of others that it
 * gives commands to would wait in a ring. To be called before `flush`.
 */
export async function lockLanes(q: Query, lanes: readonly number[]): Promise<void> {
  await q.run(
    'SELECT FROM sale.lanes WHERE lane = ANY($1) ORDER BY lane FOR UPDATE',
    [lanes],
    'lanes_lock',
  );
}

export interface CommandRow {
  readonly number: number;
  readonly kind: CommandKind;
  readonly sale_id: SaleId;
  readonly body: readonly unknown[];
}

/** Lanes that have commands without an outcome. */
export async function lanesWithOpen(q: Query, lanes: number): Promise<number[]> {
  const rows = await q.query<{ lane: number }>(
    'SELECT DISTINCT lane FROM sale.lane_commands WHERE outcome IS NULL AND lane < $1',
    [lanes],
    'commands_lanes',
  );
  return rows.map(({ lane }) => lane);
}

/** Commands of a lane above the last one it has applied, in order. */
export function openCommands(q: Query, lane: number, after: number): Promise<CommandRow[]> {
  return q.query<CommandRow>(
    `SELECT number, kind, sale_id, body FROM sale.lane_commands
      WHERE lane = $1 AND number > $2 ORDER BY number LIMIT 200`,
    [lane, after],
    'commands_open',
  );
}
