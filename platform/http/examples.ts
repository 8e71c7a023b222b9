/**
 * Requests that a route takes as they stand: those that it names, else one made from its schemas.
 * The docs page and OpenAPI show them.
 */
import { branchesOf, isSchema, propertiesOf, requiredOf } from './schema-walk.ts';
import type { JsonSchema, Route, RouteExample } from './route.ts';

type Shape = Pick<Route, 'examples' | 'query' | 'body'>;

/** At least one for each route. */
export function examplesOf({ examples, query, body }: Shape): readonly RouteExample[] {
  if (examples !== undefined) return examples;
  const needed = Object.fromEntries(
    requiredOf(query).map((name) => [name, exampleOf(propertiesOf(query)[name] ?? {})]),
  ) as NonNullable<RouteExample['query']>;
  return [{ query: needed, ...(body === undefined ? {} : { body: exampleOf(body) }) }];
}

/** A value that fits the schema: its own example, default or the least that its rules allow. */
export function exampleOf(schema: JsonSchema, depth = 0): unknown {
  const examples = schema['examples'];
  if ('example' in schema) return schema['example'];
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0] as unknown;
  if ('default' in schema) return schema['default'];
  const types = schema['type'];
  const type: unknown = Array.isArray(types) ? types[0] : types;
  switch (type) {
    case 'object':
      return exampleObject(schema, depth);
    case 'array':
      return isSchema(schema['items']) ? [exampleOf(schema['items'], depth + 1)] : [];
    case 'integer':
    case 'number':
      return typeof schema['minimum'] === 'number' ? Math.max(1, schema['minimum']) : 1;
    case 'boolean':
      return true;
    case 'string':
      return exampleText(schema);
    default:
      return branchesOf(schema).map((branch) => exampleOf(branch, depth + 1))[0] ?? null;
  }
}

function exampleObject(schema: JsonSchema, depth: number): Record<string, unknown> {
  const properties = propertiesOf(schema);
  const [branch] = branchesOf(schema);
  const own = requiredOf(schema);
  const names =
    own.length > 0 || depth > 0 || branch !== undefined ? own : Object.keys(properties).slice(0, 1);
  const entries = names.map(
    (name) => [name, exampleOf(properties[name] ?? {}, depth + 1)] as const,
  );
  const rest = branch === undefined ? {} : exampleObject(branch, depth + 1);
  return { ...Object.fromEntries(entries), ...rest };
}

const textExamples: Readonly<Record<string, string>> = {
  'date-time': '2030-01-31T12:00:00Z',
  date: '2030-01-31',
  time: '12:00',
  email: 'ann@example.com',
  uri: 'https://example.com/a.jpg',
  'time-zone': 'Asia/Kolkata',
};

function exampleText(schema: JsonSchema): string {
  const format = schema['format'];
  if (typeof format === 'string' && format in textExamples) return textExamples[format] ?? '';
  return '…';
}
