/** What the api may import of the engine: nothing else is its business. */
export { createEngine } from './create.ts';
export { fnv1a } from './domain/fingerprint.ts';
export { isOrderId, isSaleId, laneOfId, mayBePart, mayHaveParts } from './domain/ids.ts';
export { chance, etaSeconds, noMemory, remember } from './domain/line/estimate.ts';
export type { LineLook, LineMemory } from './domain/line/estimate.ts';
export { noLine } from './line/terms.ts';
export { orderLinesMax, orderUnitsMax } from './order-lines.ts';
export { nextStates } from './domain/states.ts';
export { BadCursor } from './sales/read.ts';
export type * from './engine.ts';
export { checkCurrency, checkRegistration, priceOf } from './registration/rules.ts';
export type { Money, ProductFields, RegistrationBody } from './registration/rules.ts';
export {
  productChangeBody,
  registeredFields,
  registrationBody,
  supplyMax,
} from './registration/schema.ts';
