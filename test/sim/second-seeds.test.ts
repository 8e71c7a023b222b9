import { seedsHold } from './seeds.ts';

seedsHold(251, 250);
