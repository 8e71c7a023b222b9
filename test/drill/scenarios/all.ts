/** Every scenario there is. */
import { availability } from './availability.ts';
import { overload } from './overload.ts';
import { redisRestart } from './redis-restart.ts';
import type { Scenario } from './scenario.ts';

export const scenarios: readonly Scenario[] = [availability, redisRestart, overload];
