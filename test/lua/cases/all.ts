/** The one case table. */
import type { Case } from './case.ts';
import { endCases } from './ends.ts';
import { holdCases } from './holds.ts';
import { letGoCases } from './let-go.ts';
import { manyCases } from './many.ts';
import { saleCases } from './sales.ts';
import { unitCases } from './units.ts';

export const cases: readonly Case[] = [
  ...holdCases,
  ...endCases,
  ...letGoCases,
  ...manyCases,
  ...unitCases,
  ...saleCases,
];

/** Lane time at which a case's `given` commands are applied, ms from noon. */
export const givenAt = -500;
