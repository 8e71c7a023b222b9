/**
 * Calls every operation of a running stack's /openapi.json, in the order of a sale's life, and says
 * what does not fit: a route that nobody knows how to call, a status that is not promised, an answer
 * of another form. Works on what it makes itself, so it may run beside anything.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { formats } from '../../../platform/http/formats.ts';
import { lifeOfASale } from './life-of-a-sale.ts';
import type { Life, Step } from './life-of-a-sale.ts';

interface Operation {
  readonly operationId: string;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, unknown>> }>
  >;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Named {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

export interface Report {
  /** Operation ids, in the order in which they were called. */
  readonly called: readonly string[];
  /** One line for each thing that does not fit. */
  readonly findings: readonly string[];
}

const stepWithinDefaultMs = 30_000;
const againAfterMs = 50;

/** Statuses of success that an operation promises; none = known to the contract, not built yet. */
const successes = (operation: Operation): string[] =>
  Object.keys(operation.responses).filter((status) => status.startsWith('2'));

function operationsOf(api: OpenApi): Map<string, Named> {
  const found = new Map<string, Named>();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      found.set(operation.operationId, { path, method, operation });
    }
  }
  return found;
}

class Caller {
  readonly called: string[] = [];
  readonly findings: string[] = [];
  readonly #apiUrl: string;
  readonly #stepWithinMs: number;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, formats });

  constructor(apiUrl: string, api: OpenApi, stepWithinMs: number) {
    this.#apiUrl = apiUrl;
    this.#stepWithinMs = stepWithinMs;
    this.#ajv.addSchema(api, 'api');
  }

  /** Asks until the step has what it waits for; only the last answer is looked at. */
  async call(named: Named, step: Step, life: Life): Promise<void> {
    const until = performance.now() + this.#stepWithinMs;
    for (;;) {
      const { response, text } = await this.#ask(named, step, life);
      const json = jsonOf(text);
      const waits = step.until !== undefined && !step.until(json);
      if (waits && performance.now() < until) {
        await sleep(againAfterMs);
        continue;
      }
      this.called.push(named.operation.operationId);
      if (waits) this.#find(named, `was not there within ${this.#stepWithinMs} ms: ${text}`);
      this.#check(named, response, text, json);
      if (response.ok) step.then?.(json, life);
      return;
    }
  }

  async #ask({ path, method, operation }: Named, step: Step, life: Life) {
    const headers = new Headers({ accept: '*/*' });
    const token = tokenFor(operation, step, life);
    if (token !== '') headers.set('authorization', `Bearer ${token}`);
    if (step.key !== undefined) headers.set('idempotency-key', step.key);
    const body = step.body?.(life);
    if (body !== undefined) headers.set('content-type', 'application/json');
    const named = path.replace(/\{(\w+)\}/g, (_all, name: string) => step.path?.(life) ?? name);
    const response = await fetch(`${this.#apiUrl}${named}${step.query ?? ''}`, {
      method: method.toUpperCase(),
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { response, text: await response.text() };
  }

  #check(named: Named, response: Response, text: string, json: unknown): void {
    const { operation } = named;
    const status = String(response.status);
    const promised = successes(operation);
    const expected = promised.length > 0 ? promised : ['422'];
    if (!expected.includes(status)) {
      this.#find(named, `answered ${status}, promised ${expected.join(' or ')}: ${text}`);
      return;
    }
    const [media = ''] = (response.headers.get('content-type') ?? '').split(';');
    const contents = operation.responses[status]?.content;
    if (contents === undefined || !(media in contents)) {
      this.#find(named, `answered ${status} in ${media}, which is not promised`);
      return;
    }
    const value = media.endsWith('json') ? json : text;
    const pointer = [named.path, named.method, 'responses', status, 'content', media, 'schema'];
    const check = this.#ajv.compile({ $ref: `api#/paths/${pointer.map(escaped).join('/')}` });
    if (!check(value)) this.#find(named, this.#ajv.errorsText(check.errors));
  }

  #find({ method, path }: Named, what: string): void {
    this.findings.push(`${method.toUpperCase()} ${path}: ${what}`);
  }
}

const escaped = (part: string): string =>
  encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function tokenFor({ security }: Operation, step: Step, life: Life): string {
  if (step.token !== undefined) return step.token(life);
  const [scheme] = security ?? [];
  if (scheme === undefined) return '';
  return 'vendorKey' in scheme ? life.vendorKey : life.shopperToken;
}

/** Needs a stack in development, with nothing else but its address. */
export async function callEveryRoute(
  apiUrl: string,
  stepWithinMs = stepWithinDefaultMs,
): Promise<Report> {
  const response = await fetch(`${apiUrl}/openapi.json`);
  const api = (await response.json()) as OpenApi;
  const caller = new Caller(apiUrl, api, stepWithinMs);
  const operations = operationsOf(api);
  const life: Life = {
    vendorKey: '',
    shopperToken: '',
    product: '',
    sale: '',
    order: '',
    spareOrder: '',
    spareKey: '',
  };
  for (const step of lifeOfASale) {
    const named = operations.get(step.id);
    if (named === undefined) caller.findings.push(`${step.id}: /openapi.json does not name it`);
    else await caller.call(named, step, life);
  }
  for (const [id, named] of operations) {
    if (caller.called.includes(id)) continue;
    if (successes(named.operation).length === 0) await caller.call(named, { id }, life);
    else caller.findings.push(`${id}: this test does not know how to call it`);
  }
  return { called: caller.called, findings: caller.findings };
}
