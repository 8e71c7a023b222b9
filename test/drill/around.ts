/** What a shopper of the drill has to do with. */
import type { Rng } from '../support/rng.ts';
import type { Client } from './client.ts';
import type { History } from './history.ts';

export interface Account {
  readonly id: string;
  readonly token: string;
}

export interface Surroundings {
  readonly client: Client;
  readonly accounts: readonly Account[];
  readonly history: History;
  readonly rng: Rng;
}
