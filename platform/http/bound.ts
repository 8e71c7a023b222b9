/**
 * A route made ready: schemas compiled, header blocks formatted, metrics found. Everything that
 * does not depend on the request is done here, once.
 */
import { invariant } from '../fault.ts';
import type { CounterSeries, HistogramSeries } from '../hot-metrics.ts';
import { metrics } from '../metrics.ts';
import { parameterKinds } from './query.ts';
import type { ParameterKinds } from './query.ts';
import { defaultMaxBodyBytes } from './route.ts';
import type { JsonSchema, Route } from './route.ts';
import { Known } from './known.ts';
import { isOpen } from './schema-walk.ts';
import type { Validator, Validators } from './validate.ts';

export interface BoundRoute {
  readonly route: Route;
  readonly need: 'vendor' | 'shopper' | null;
  readonly raw: boolean;
  /** The handler takes the body itself, while it comes. */
  readonly streams: boolean;
  /** Copies the headers that only reading routes look at. */
  readonly copiesAll: boolean;
  /** No `no-store` of our own. */
  readonly cacheable: boolean;
  /** Whether a body is waited for at all. */
  readonly readsBody: boolean;
  readonly maxBodyBytes: number;
  readonly body: Validator | null;
  readonly bodyRequired: boolean;
  /** The schema lets values in that no keyword looks at, so they are looked at one by one. */
  readonly openBody: boolean;
  readonly paramNames: readonly string[];
  readonly params: Validator | null;
  /** Path parameters that were found right, by what stood in the path; only of a hot route. */
  readonly knownParams: Known<Readonly<Record<string, string>>> | null;
  /** The same of bodies, by their text. */
  readonly knownBodies: Known<unknown> | null;
  readonly query: Validator | null;
  /** A request without a query fits, and its schema fills nothing in. */
  readonly fitsWithoutQuery: boolean;
  readonly queryKinds: ParameterKinds;
  readonly keyRequired: boolean;
  readonly takesKey: boolean;
  readonly jsonHead: string;
  readonly problemHead: string;
  /** What follows a content type of the answer's own, with `no-store` and without. */
  readonly plainHead: string;
  readonly plainStoredHead: string;
  readonly seconds: HistogramSeries;
  count(status: number): CounterSeries;
}

const noFields: JsonSchema = { type: 'object', properties: {}, additionalProperties: false };

export function bindRoute(route: Route, validators: Validators): BoundRoute {
  const { auth } = route;
  invariant(auth !== 'operator', `${route.id}: operators' routes are on the operators' port`);
  invariant(/^\/[^?#:*]*$/.test(route.path), `${route.id}: bad path ${route.path}`);
  const raw = route.bodyMode === 'raw';
  const readsBody =
    route.method !== 'GET' && (route.method !== 'DELETE' || route.body !== undefined || raw);
  const bodySchema = route.body ?? noFields;
  const streams = route.bodyMode === 'stream';
  const checksBody = readsBody && !raw && !streams;
  const required = bodySchema['required'];
  const query = route.query === undefined || raw ? null : validators.query(route.query);
  const paramNames = pathParams(route.path);
  return {
    route,
    need: auth === 'public' ? null : auth,
    raw,
    streams,
    copiesAll: raw || route.method === 'GET',
    cacheable: route.method === 'GET' && auth === 'public',
    readsBody,
    maxBodyBytes: route.maxBodyBytes ?? defaultMaxBodyBytes,
    body: checksBody ? validators.body(bodySchema) : null,
    bodyRequired: route.bodyRequired ?? (Array.isArray(required) && required.length > 0),
    openBody: isOpen(bodySchema),
    paramNames,
    params: route.params === undefined ? null : validators.params(route.params),
    knownParams: route.hot === true && paramNames.length === 1 ? new Known() : null,
    knownBodies: route.hot === true ? new Known() : null,
    query,
    fitsWithoutQuery: query === null || fitsEmpty(query),
    queryKinds: parameterKinds(route.query),
    keyRequired: route.idempotencyKey === 'required',
    takesKey: route.idempotencyKey !== 'none',
    ...heads(route),
    seconds: metrics.httpSeconds.labels(route.id),
    count: counter(route.id, route.method),
  };
}

/** Names in `{…}`, in order. */
export function pathParams(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
}

function fitsEmpty(query: Validator): boolean {
  const values = {};
  return query(values) === null && Object.keys(values).length === 0;
}

/**
 * Header blocks that are written in one call, from the value of Content-Type on: each call into the
 * server costs 0.2 µs. They end where the request id follows.
 */
function heads({
  method,
  auth,
}: Route): Pick<BoundRoute, 'jsonHead' | 'problemHead' | 'plainHead' | 'plainStoredHead'> {
  const plainStoredHead = '\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ';
  const plainHead = `\r\nCache-Control: no-store${plainStoredHead}`;
  const keep = method === 'GET' && auth === 'public';
  return {
    jsonHead: `application/json${keep ? plainStoredHead : plainHead}`,
    problemHead: `application/problem+json${plainHead}`,
    plainHead,
    plainStoredHead,
  };
}

function counter(id: string, method: string): (status: number) => CounterSeries {
  const series = new Map<number, CounterSeries>();
  return (status) => {
    let found = series.get(status);
    if (found === undefined) {
      found = metrics.httpRequests.labels(id, method, status);
      series.set(status, found);
    }
    return found;
  };
}
