/** What a good request is, for the tables of them. */
import type { Field } from './bad-values.ts';

export interface GoodRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly as: 'ann' | 'vendor' | 'nobody';
  readonly key?: string;
  readonly body?: unknown;
  readonly status: number;
  readonly fields?: readonly Field[];
  /** Fields that must be there. */
  readonly required?: readonly string[];
  /** Calls of the engine, in order. */
  readonly calls: readonly string[];
}
