/** The second half of the seeds. */
import { seedsHold } from './seeds.ts';

seedsHold(251, 250);
