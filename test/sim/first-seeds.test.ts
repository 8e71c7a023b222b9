/** The first half of the seeds: two files, so that two processes run them. */
import { seedsHold } from './seeds.ts';

seedsHold(1, 250);
