/**
 * Calls every operation of a running stack's /openapi.json, in the order of a sale's life, and says
 * what does not fit: a route that nobody knows how to call, a status that is not promised, an answer
 * of another form. Works on what it makes itself, so it may run beside anything.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonOf, readContract, successes } from './contract.ts';
import type { Contract, Named, Operation } from './contract.ts';
import { lifeOfASale } from './life-of-a-sale.ts';
import type { Life, Step } from './life-of-a-sale.ts';

export interface Report {
  /** Operation ids, in the order in which they were called. */
  readonly called: readonly string[];
  /** One line for each thing that does not fit. */
  readonly findings: readonly string[];
}

const stepWithinDefaultMs = 30_000;
const againAfterMs = 50;

class Caller {
  readonly called: string[] = [];
  readonly findings: string[] = [];
  readonly #apiUrl: string;
  readonly #stepWithinMs: number;
  readonly #contract: Contract;

  constructor(apiUrl: string, contract: Contract, stepWithinMs: number) {
    this.#apiUrl = apiUrl;
    this.#contract = contract;
    this.#stepWithinMs = stepWithinMs;
  }

  /** Asks until the step has what it waits for; only the last answer is looked at. */
  async call(named: Named, step: Step, life: Life): Promise<void> {
    const until = performance.now() + this.#stepWithinMs;
    for (;;) {
      const { response, text } = await this.#ask(named, step, life);
      const json = jsonOf(text);
      // A vendor's command may take longer to settle than the api waits.
      const settles = response.status === 503;
      const waits = settles || (step.until !== undefined && !step.until(json));
      if (waits && performance.now() < until) {
        await sleep(againAfterMs);
        continue;
      }
      this.called.push(named.operation.operationId);
      if (waits && !settles) {
        this.#find(named, `was not there within ${this.#stepWithinMs} ms: ${text}`);
      }
      this.#check(named, response, text);
      if (response.ok) step.then?.(json, life);
      return;
    }
  }

  async #ask({ path, method, operation }: Named, step: Step, life: Life) {
    const headers = new Headers({ accept: '*/*' });
    const token = tokenFor(operation, step, life);
    if (token !== '') headers.set('authorization', `Bearer ${token}`);
    // What is not built yet may ask for one all the same.
    const key = step.key ?? (successes(operation).length === 0 ? 'k' : undefined);
    if (key !== undefined) headers.set('idempotency-key', key);
    const body = step.body?.(life);
    if (body !== undefined) headers.set('content-type', step.media ?? 'application/json');
    const named = path.replace(/\{(\w+)\}/g, (_all, name: string) => step.path?.(life) ?? name);
    const query = typeof step.query === 'function' ? step.query(life) : (step.query ?? '');
    const response = await fetch(`${this.#apiUrl}${named}${query}`, {
      method: method.toUpperCase(),
      headers,
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { response, text: await response.text() };
  }

  #check(named: Named, response: Response, text: string): void {
    const status = String(response.status);
    const promised = successes(named.operation);
    // Who asks for a socket without an upgrade is told so.
    const otherwise = '101' in named.operation.responses ? '400' : '422';
    const expected = promised.length > 0 ? promised : [otherwise];
    if (!expected.includes(status)) {
      this.#find(named, `answered ${status}, promised ${expected.join(' or ')}: ${text}`);
      return;
    }
    const media = response.headers.get('content-type');
    const misfit = this.#contract.misfit(named, response.status, media, text);
    if (misfit !== null) this.#find(named, misfit);
  }

  #find({ method, path }: Named, what: string): void {
    this.findings.push(`${method.toUpperCase()} ${path}: ${what}`);
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
  const contract = await readContract(apiUrl);
  const { operations } = contract;
  const caller = new Caller(apiUrl, contract, stepWithinMs);
  const life: Life = {
    vendorKey: '',
    shopperToken: '',
    guestToken: '',
    product: '',
    sale: '',
    line: '',
    spareSale: '',
    schedule: '',
    order: '',
    spareOrder: '',
    spareKey: '',
    job: '',
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
