/** The one case table. */
import type { Case } from './case.ts';
import { endCases } from './ends.ts';
import { holdCases } from './holds.ts';
import { letGoCases } from './let-go.ts';
import { lineCases } from './line.ts';
import { lookCases } from './looks.ts';
import { manyCases } from './many.ts';
import { numberCases } from './numbers.ts';
import { placeCases } from './places.ts';
import { saleCases } from './sales.ts';
import { termsCases } from './terms.ts';
import { togetherCases } from './together.ts';
import { turnCases } from './turns.ts';
import { unitCases } from './units.ts';

export const cases: readonly Case[] = [
  ...holdCases,
  ...endCases,
  ...letGoCases,
  ...manyCases,
  ...unitCases,
  ...saleCases,
  ...termsCases,
  ...lineCases,
  ...numberCases,
  ...placeCases,
  ...turnCases,
  ...togetherCases,
  ...lookCases,
];

/** Lane time at which a case's `given` commands are applied, ms from noon. */
export const givenAt = -500;
