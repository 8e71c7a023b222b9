/** The second half of the seeds and of the broken rules. */
import { mutants } from './mutants.ts';
import { seedsHold } from './seeds.ts';

seedsHold(251, 250, mutants.slice(mutants.length / 2));
