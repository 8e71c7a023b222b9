/** Walking over JSON Schemas: where subschemas stand, and what we add to each before compiling. */
import type { JsonSchema } from './route.ts';

const single = [
  'items',
  'additionalProperties',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
] as const;
const lists = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const;
const maps = ['properties', 'patternProperties', '$defs', 'dependentSchemas'] as const;

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A copy of a schema with `change` applied to every subschema, innermost first. */
export function mapSchema(schema: JsonSchema, change: (s: JsonSchema) => JsonSchema): JsonSchema {
  const copy: Record<string, unknown> = { ...schema };
  for (const key of single) {
    const sub = copy[key];
    if (isSchema(sub)) copy[key] = mapSchema(sub, change);
  }
  for (const key of lists) {
    const subs = copy[key];
    if (Array.isArray(subs)) {
      copy[key] = subs.map((s: unknown) => (isSchema(s) ? mapSchema(s, change) : s));
    }
  }
  for (const key of maps) {
    const subs = copy[key];
    if (!isSchema(subs)) continue;
    copy[key] = Object.fromEntries(
      Object.entries(subs).map(([name, s]) => [name, isSchema(s) ? mapSchema(s, change) : s]),
    );
  }
  return change(copy);
}

/**
 * Bounds every integer to what a JavaScript number holds exactly, unless the schema has its own
 * bounds: 2^53 would otherwise silently become another number.
 */
export function prepared(schema: JsonSchema): JsonSchema {
  return mapSchema(schema, (s) => {
    const type = s['type'];
    if (type !== 'integer' && !(Array.isArray(type) && type.includes('integer'))) return s;
    return { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, ...s };
  });
}

/**
 * Whether values can come in that no keyword looks at: an object that may have further members,
 * or a place without a type.
 */
export function isOpen(schema: JsonSchema): boolean {
  let open = false;
  mapSchema(schema, (s) => {
    const type = s['type'];
    const types = Array.isArray(type) ? type : [type];
    if (types.includes('object') && s['additionalProperties'] !== false) open = true;
    if (types.includes('array') && !isSchema(s['items'])) open = true;
    const says = ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', 'not', '$ref', 'required'];
    if (!says.some((key) => key in s)) open = true;
    return s;
  });
  return open;
}

export function propertiesOf(schema: JsonSchema | undefined): Record<string, JsonSchema> {
  const properties = schema?.['properties'];
  return isSchema(properties) ? (properties as Record<string, JsonSchema>) : {};
}

export function requiredOf(schema: JsonSchema | undefined): string[] {
  const required = schema?.['required'];
  return Array.isArray(required) ? required.map(String) : [];
}

/** Of a union, those that are objects. */
export function branchesOf(schema: JsonSchema): JsonSchema[] {
  const branches = schema['oneOf'] ?? schema['anyOf'];
  if (!Array.isArray(branches)) return [];
  return branches.filter(isSchema).filter((b) => Object.keys(propertiesOf(b)).length > 0);
}
