/** One way to break the stores of a history, and what the audit must say then. */
import type { AuditStores } from '../../../engine/audit/audit-lane.ts';
import type { CheckName } from '../../../engine/audit/findings.ts';
import type { Db } from '../../../platform/postgres/db.ts';
import type { Redis } from '../../../platform/redis/connection.ts';
import type { History } from './history.ts';

export interface Broken {
  readonly history: History;
  readonly redis: Redis;
  readonly db: Db;
  /** The lane of the sale `live`. */
  readonly lane: number;
  laneOf(sale: string): number;
  /** The topic's messages as they come out of `alter`, in a topic of their own. */
  logWith(alter: (messages: Buffer[]) => Buffer[]): Promise<Partial<AuditStores>>;
}

export interface Break {
  /** The check that is there to see it. */
  readonly check: CheckName;
  readonly what: string;
  /** Other checks that see it too, and no others may. */
  readonly also?: readonly CheckName[];
  /** What the check says of it. */
  readonly says: RegExp;
  /** May answer other stores to audit. */
  readonly how: (broken: Broken) => unknown;
}
