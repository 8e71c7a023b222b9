/** JSON Schemas for people: a table of fields. */
import { escape, prose, table } from './docs-html.ts';
import type { JsonSchema } from './route.ts';
import { branchesOf, isSchema, propertiesOf } from './schema-walk.ts';

const depthMax = 5;

type Row = readonly [field: string, type: string, note: string];

/** A table of all fields, nested ones dotted; '' when there is none. */
export function fieldTable(schema: JsonSchema): string {
  const rows = fieldRows(schema, '', 0);
  return table(['field', 'type', ''], rows);
}

function fieldRows(schema: JsonSchema, prefix: string, depth: number): Row[] {
  if (depth > depthMax) return [];
  const required = schema['required'];
  const rows = Object.entries(propertiesOf(schema)).flatMap(([name, property]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const isRequired = Array.isArray(required) && required.includes(name);
    return [rowOf(path, property, isRequired), ...inner(property, path, depth + 1)];
  });
  const unions = branchesOf(schema).flatMap((branch, i): Row[] => [
    [prefix === '' ? '' : `<code>${escape(prefix)}</code>`, '', `<em>variant ${i + 1}</em>`],
    ...fieldRows(branch, prefix, depth + 1),
  ]);
  return [...rows, ...unions];
}

/** What is inside of a field: its own fields, or those of its items. */
function inner(schema: JsonSchema, path: string, depth: number): Row[] {
  const items = schema['items'];
  if (isSchema(items)) return fieldRows(items, `${path}[]`, depth);
  return fieldRows(schema, path, depth);
}

function rowOf(path: string, schema: JsonSchema, required: boolean): Row {
  const star = required ? ' <b class="req" title="required">*</b>' : '';
  return [`<code>${escape(path)}</code>${star}`, escape(typeOf(schema)), noteOf(schema)];
}

export function typeOf(schema: JsonSchema): string {
  const type = schema['type'];
  const items = schema['items'];
  if (type === 'array') return isSchema(items) ? `${typeOf(items)}[]` : 'array';
  if (Array.isArray(type)) return type.join(' or ');
  if (typeof type === 'string') {
    return typeof schema['format'] === 'string' ? `${type}, ${schema['format']}` : type;
  }
  if ('const' in schema) return JSON.stringify(schema['const']);
  return 'enum' in schema ? 'enum' : 'any';
}

export function noteOf(schema: JsonSchema): string {
  const parts: string[] = [];
  const say = (text: string): number => parts.push(text);
  if (typeof schema['description'] === 'string') say(prose(schema['description']));
  if (Array.isArray(schema['enum'])) say(schema['enum'].map((v) => code(v)).join(' '));
  if ('const' in schema) say(code(schema['const']));
  if ('default' in schema) say(`default ${code(schema['default'])}`);
  const range = rangeOf(schema);
  if (range !== '') say(range);
  if (typeof schema['pattern'] === 'string') say(code(schema['pattern'], false));
  if (typeof schema['x-unknown'] === 'string') say(prose(schema['x-unknown']));
  return parts.join(' · ');
}

function rangeOf(schema: JsonSchema): string {
  const names: readonly [string, string, string][] = [
    ['minimum', 'maximum', ''],
    ['minLength', 'maxLength', ' characters'],
    ['minItems', 'maxItems', ' items'],
  ];
  return names
    .filter(([min, max]) => min in schema || max in schema)
    .map(([min, max, unit]) => `${numberOf(schema[min])}–${numberOf(schema[max])}${unit}`)
    .join(' · ');
}

function numberOf(value: unknown): string {
  return typeof value === 'number' ? value.toLocaleString('en') : '';
}

function code(value: unknown, quoted = true): string {
  return `<code>${escape(quoted ? JSON.stringify(value) : String(value))}</code>`;
}
