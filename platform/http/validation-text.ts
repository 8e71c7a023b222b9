/** Schema errors in words that help: which field, what it must be, where an unknown one belongs. */
import type { ErrorObject } from 'ajv/dist/2020.js';

export type Place = 'body' | 'query' | 'path';

const formatNames: Readonly<Record<string, string>> = {
  'date-time': 'a time such as 2030-01-31T12:00:00Z (RFC 3339)',
  date: 'a date such as 2030-01-31',
  time: 'a time of day such as 12:00',
  email: 'an e-mail address',
  uri: 'an http or https address',
  uuid: 'a UUID',
  'time-zone': 'an IANA time zone such as Asia/Kolkata',
};

export function isUnknownField({ keyword }: ErrorObject): boolean {
  return keyword === 'additionalProperties' || keyword === 'unevaluatedProperties';
}

/** Dotted: `items.0.price`; for a missing or unknown field, the field itself. */
export function paramOf(error: ErrorObject): string {
  const path = error.instancePath
    .slice(1)
    .split('/')
    .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'))
    .join('.');
  const field = fieldOf(error);
  if (field === undefined) return path;
  return path === '' ? field : `${path}.${field}`;
}

function fieldOf(error: ErrorObject): string | undefined {
  const params = error.params as Record<string, unknown>;
  const field =
    params['missingProperty'] ?? params['additionalProperty'] ?? params['unevaluatedProperty'];
  // Only so much of what a client made up is said back.
  return typeof field === 'string' ? field.slice(0, 64) : undefined;
}

/** One sentence. */
export function describe(error: ErrorObject, place: Place): string {
  const param = paramOf(error);
  const name = param === '' ? `the ${place}` : `\`${param}\``;
  if (error.keyword === 'required') return `${name} is required`;
  if (isUnknownField(error)) return describeUnknown(error, name, place);
  return `${name} ${predicate(error)}`;
}

function predicate(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'type':
      return `must be ${article(params['type'])}`;
    case 'enum':
      return `must be one of ${listed(params['allowedValues'])}`;
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`;
    case 'format':
      return `must be ${formatNames[String(params['format'])] ?? String(params['format'])}`;
    case 'pattern':
      return `does not have the right form${exampleOf(error)}`;
    case 'minProperties':
      return 'must have at least one field';
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `must be ${String(params['comparison'])} ${String(params['limit'])}`;
    case 'multipleOf':
      return `must be a multiple of ${String(params['multipleOf'])}`;
    case 'minLength':
      return `must have at least ${String(params['limit'])} characters`;
    case 'maxLength':
      return `must have at most ${String(params['limit'])} characters`;
    default:
      return error.message ?? 'is not valid';
  }
}

function exampleOf({ parentSchema: schema }: ErrorObject): string {
  const example: unknown = schema?.['example'];
  return typeof example === 'string' ? `, such as ${JSON.stringify(example)}` : '';
}

function describeUnknown(error: ErrorObject, name: string, place: Place): string {
  const parent = error.parentSchema ?? {};
  const known = Object.keys((parent['properties'] as object | undefined) ?? {});
  const kind = place === 'query' ? 'parameter' : 'field';
  const hint = typeof parent['x-unknown'] === 'string' ? `; ${parent['x-unknown']}` : '';
  const there = known.length === 0 ? `no ${kind}s are taken here` : `known: ${known.join(', ')}`;
  return `${name} is not a known ${kind}${hint}; ${there}`;
}

function article(type: unknown): string {
  const types = Array.isArray(type) ? type.map(String) : [String(type)];
  return types
    .map((t) => (t === 'null' ? t : `${/^[aeio]/.test(t) ? 'an' : 'a'} ${t}`))
    .join(' or ');
}

function listed(values: unknown): string {
  return Array.isArray(values) ? values.map((v) => JSON.stringify(v)).join(', ') : '';
}
