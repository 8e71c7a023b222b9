/** What the api may import of the engine: nothing else is its business. */
export { createEngine } from './create.ts';
export { fnv1a } from './domain/fingerprint.ts';
export { isOrderId, isSaleId } from './domain/ids.ts';
export { nextStates } from './domain/states.ts';
export { BadCursor } from './sales/read.ts';
export type * from './engine.ts';
