/**
 * OpenAPI 3.1 from the table of routes. What the server does by itself (identity, limits, keys)
 * is added here, so that a row only says what is its own.
 */
import { pathParams } from './bound.ts';
import { examplesOf } from './examples.ts';
import { problemTable } from './problems.ts';
import type { ProblemCode } from './problems.ts';
import { defaultMaxBodyBytes } from './route.ts';
import type { JsonSchema, Route, RouteExample } from './route.ts';
import { propertiesOf, requiredOf } from './schema-walk.ts';

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  /** Addresses shown as servers; default the one that was asked. */
  readonly servers?: readonly string[];
}

type Json = Record<string, unknown>;

export const audiences = {
  public: 'Everyone',
  shopper: 'Shoppers',
  vendor: 'Vendors',
  operator: 'Operators',
} as const;

export function openapiOf(routes: readonly Route[], info: ApiInfo): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: info.title, version: info.version, description: info.description },
    servers: (info.servers ?? ['/']).map((url) => ({ url })),
    tags: Object.values(audiences).map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        vendorKey: { type: 'http', scheme: 'bearer', description: 'An API key, `hnk_…`.' },
        shopperToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      },
      schemas: { Problem: problemSchema },
    },
  };
}

function operationOf(route: Route): Json {
  const operation: Json = {
    operationId: route.id,
    tags: [audiences[route.auth]],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    security: securityOf(route),
    parameters: parametersOf(route),
    ...(route.body === undefined ? {} : { requestBody: requestBodyOf(route, route.body) }),
    ...(route.consumes === undefined ? {} : { requestBody: streamedBodyOf(route, route.consumes) }),
    responses: responsesOf(route),
    'x-half': route.half,
  };
  return operation;
}

function securityOf({ auth }: Route): Json[] {
  if (auth === 'vendor') return [{ vendorKey: [] }];
  return auth === 'shopper' ? [{ shopperToken: [] }] : [];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly example?: unknown;
  readonly schema: JsonSchema;
}

export function parametersOf(route: Route): Parameter[] {
  const names = pathParams(route.path);
  const path = names.map((name) => ({
    name,
    in: 'path' as const,
    required: true,
    schema: propertyOf(route.params, name),
  }));
  const required = requiredOf(route.query);
  const query = Object.keys(propertiesOf(route.query)).map((name) => ({
    name,
    in: 'query' as const,
    required: required.includes(name),
    ...exampleOfParameter(route, name),
    ...listStyle(propertyOf(route.query, name)),
    schema: propertyOf(route.query, name),
  }));
  return [...path, ...query, ...keyParameter(route)];
}

function exampleOfParameter(route: Route, name: string): Pick<Parameter, 'example'> {
  const found = examplesOf(route).find(({ query }) => query !== undefined && name in query);
  return found === undefined ? {} : { example: found.query?.[name] };
}

/** `?state=upcoming,live`. */
function listStyle(schema: JsonSchema): Json {
  return schema['type'] === 'array' ? { style: 'form', explode: false } : {};
}

function keyParameter({ idempotencyKey }: Route): Parameter[] {
  if (idempotencyKey === 'none') return [];
  return [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: idempotencyKey === 'required',
      description: 'New for each new intention, the same for a retry: bare or quoted.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
  ];
}

function propertyOf(schema: JsonSchema | undefined, name: string): JsonSchema {
  return propertiesOf(schema)[name] ?? { type: 'string' };
}

function requestBodyOf(route: Route, body: JsonSchema): Json {
  const maxBytes = route.maxBodyBytes ?? defaultMaxBodyBytes;
  return {
    required: route.bodyRequired ?? requiredOf(body).length > 0,
    description: `At most ${maxBytes / 1024} KB.`,
    content: { 'application/json': { schema: body, ...shown(examplesOf(route)) } },
  };
}

/** Bodies by what they are for. */
function shown(examples: readonly RouteExample[]): Json {
  const bodies = examples.filter(({ body }) => body !== undefined);
  const entries = bodies.map(({ title, body }, i) => [
    `example_${i + 1}`,
    { ...(title === undefined ? {} : { summary: title }), value: body },
  ]);
  return entries.length === 0 ? {} : { examples: Object.fromEntries(entries) as Json };
}

function streamedBodyOf(route: Route, consumes: readonly string[]): Json {
  const maxBytes = route.maxBodyBytes ?? defaultMaxBodyBytes;
  const content = consumes.map((media) => {
    const own = examplesOf(route).filter((example) => example.media === media);
    return [media, { schema: { type: 'string' }, ...shown(own) }] as const;
  });
  return {
    required: true,
    description: `At most ${maxBytes / 1024 / 1024} MB, in UTF-8.`,
    content: Object.fromEntries(content),
  };
}

function responsesOf(route: Route): Json {
  const responses: Record<string, Json> = {};
  const media = route.produces ?? 'application/json';
  for (const [status, schema] of Object.entries(route.responses)) {
    const content = schema === null ? {} : { content: { [media]: { schema } } };
    responses[status] = { description: describeStatus(Number(status)), ...content };
  }
  for (const [status, codes] of byStatus(errorsOf(route))) {
    const refusal = {
      description: codes.map((c) => `\`${c}\`: ${problemTable[c].title}`).join('; '),
      content: { 'application/problem+json': { schema: problemOf(codes) } },
    };
    // A status may be both an answer and a problem, such as 503 of a readiness check.
    const found = responses[status];
    if (found === undefined) responses[status] = refusal;
    else found['content'] = { ...(found['content'] as object), ...refusal.content };
  }
  const schema = { $ref: '#/components/schemas/Problem' };
  responses['default'] = {
    description: 'Any other problem, such as `internal` or `unavailable`',
    content: { 'application/problem+json': { schema } },
  };
  return responses;
}

function describeStatus(status: number): string {
  const known: Record<number, string> = {
    200: 'Done',
    201: 'Created',
    202: 'Accepted: it is recorded and will be done',
    204: 'Done, nothing to say',
    304: 'Not modified',
  };
  return known[status] ?? 'Answered';
}

function problemOf(codes: readonly ProblemCode[]): Json {
  return {
    allOf: [
      { $ref: '#/components/schemas/Problem' },
      { type: 'object', properties: { code: { enum: codes } } },
    ],
  };
}

function byStatus(codes: readonly ProblemCode[]): Map<string, ProblemCode[]> {
  const found = new Map<string, ProblemCode[]>();
  for (const code of codes) {
    const status = String(problemTable[code].status);
    found.set(status, [...(found.get(status) ?? []), code]);
  }
  return new Map([...found].sort(([a], [b]) => Number(a) - Number(b)));
}

/** Every code that a route can answer with, those of the server included. */
export function errorsOf(route: Omit<Route, 'handle'>): ProblemCode[] {
  const codes = new Set<ProblemCode>();
  const parsed = route.bodyMode !== 'raw';
  const takesBody = route.method !== 'GET' && route.method !== 'DELETE';
  if (parsed) codes.add('invalid_request').add('unknown_field');
  if (route.idempotencyKey === 'required') codes.add('idempotency_key_required');
  if (route.auth !== 'public') codes.add('unauthenticated').add('forbidden');
  if (pathParams(route.path).length > 0) codes.add('not_found');
  if (takesBody) codes.add('too_large');
  if (takesBody && parsed) codes.add('unsupported_media_type');
  if (route.rateLimit !== undefined) codes.add('rate_limited');
  for (const code of route.errors) codes.add(code);
  return [...codes];
}

export const problemSchema: JsonSchema = {
  type: 'object',
  description: 'RFC 9457. Branch on `code`; `detail` is for people.',
  required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
  properties: {
    type: { type: 'string', example: '/docs/errors#sold_out' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: Object.keys(problemTable) },
    request_id: { type: 'string' },
    param: { type: 'string', description: 'The field, parameter or header in question' },
    errors: { type: 'array', items: { type: 'object' } },
    retry_after_ms: { type: 'integer', description: 'With the header Retry-After' },
  },
};
