/** The first half of the seeds and of the broken rules: two files, so that two processes run them. */
import { mutants } from './mutants.ts';
import { seedsHold } from './seeds.ts';

seedsHold(1, 250, mutants.slice(0, mutants.length / 2));
