/** Published schemas let answers grow; a test wants to hear of a field that nobody documented. */
import type { JsonSchema } from '../../platform/http/route.ts';
import { mapSchema } from '../../platform/http/schema-walk.ts';

/** The same schema, with objects that name their fields taking no others. */
export const closed = (schema: JsonSchema): JsonSchema =>
  mapSchema(schema, (one) =>
    'properties' in one && !('additionalProperties' in one)
      ? { ...one, additionalProperties: false }
      : one,
  );
