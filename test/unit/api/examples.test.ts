// Every example of the docs is taken as it stands: by the route's own schemas, and by its handler
// where it is the api's own. As commands they run in a bash that has nothing but curl.
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examples } from '../../../api/examples.ts';
import { curlsOf } from '../../../platform/http/docs-curl.ts';
import { examplesOf } from '../../../platform/http/examples.ts';
import { openapiOf } from '../../../platform/http/openapi.ts';
import { parameterKinds, parseQuery } from '../../../platform/http/query.ts';
import type { Route, RouteExample } from '../../../platform/http/route.ts';
import { exampleProductId } from '../../../platform/http/schemas.ts';
import { Validators } from '../../../platform/http/validate.ts';
import { standInCatalog } from './catalog-stand-in.ts';
import type { StandIn } from './catalog-stand-in.ts';
import { productId } from './fake-engine.ts';
import { goodRequests } from './good-requests.ts';
import { routeTable, startHarness } from './harness.ts';
import type { Harness } from './harness.ts';

const table = routeTable();
const validators = new Validators();
const cases = table.flatMap((route) =>
  examplesOf(route).map((example, i) => [`${route.id} ${i + 1}`, route, example] as const),
);

const queryOf = ({ query = {} }: RouteExample): string =>
  new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();

let catalog: StandIn;
let harness: Harness;

beforeAll(async () => {
  const lines = [{ product_id: productId, quantity: 1 }];
  catalog = await standInCatalog((request, response) => {
    const isCart = request.url?.startsWith('/v1/cart') === true;
    const answer = isCart ? { lines, stale: false } : { deliverable: true };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    request.resume();
  });
  harness = await startHarness({}, catalog.url);
});
afterAll(async () => {
  await harness.close();
  catalog.close();
});

describe('an example', () => {
  it.each(cases)('%s fits the schemas of its route', (_, route, example) => {
    const { query, body, consumes } = route;
    const parsed = parseQuery(queryOf(example), parameterKinds(query));
    if ('problem' in parsed) throw new Error(parsed.problem.detail);
    if (query === undefined) expect(example.query ?? {}).toEqual({});
    else expect(validators.query(query)(parsed.values)).toBeNull();
    if (consumes !== undefined) expect(consumes).toContain(example.media);
    else if (body === undefined) expect(example.body).toBeUndefined();
    else expect(validators.body(body)(structuredClone(example.body ?? {}))).toBeNull();
  });

  const own = cases.filter(([, { id }]) => goodRequests.some((good) => good.id === id));

  it.each(own)('%s is taken by its handler', async (_, route, example) => {
    const good = goodRequests.find(({ id }) => id === route.id);
    const [path = ''] = (good?.path ?? '').split('?');
    const query = queryOf(example);
    const answer = await harness.ask(route.method, query === '' ? path : `${path}?${query}`, {
      as: good?.as ?? 'nobody',
      key: 'k1',
      ...(example.body === undefined ? {} : { body: example.body }),
    });
    expect([answer.status, answer.json['detail']]).toEqual([good?.status, undefined]);
  });

  it('is of a route that is there, and of each that takes a body', () => {
    const ids = table.map(({ id }) => id);
    for (const id of Object.keys(examples)) expect(ids).toContain(id);
    const withBody = table.filter(({ body }) => body !== undefined).map(({ id }) => id);
    const sent = [...own.map(([, { id }]) => id), 'putCartLine', 'mergeCart', 'putAddresses'];
    for (const id of withBody) expect(sent).toContain(id);
  });

  it('creates a sale with each kind of line', () => {
    const modes = examples['createSale']?.map(
      ({ body }) => (body as { admission?: { mode: string } }).admission?.mode,
    );
    expect(modes).toEqual(expect.arrayContaining([undefined, 'queue', 'draw']));
  });

  it('stands in openapi.json too', () => {
    const text = JSON.stringify(openapiOf(table, { title: 't', version: '1', description: 'd' }));
    for (const [, , { body }] of cases) {
      if (body !== undefined) expect(text).toContain(`"value":${JSON.stringify(body)}`);
    }
  });
});

const filledIn = 'prd_99999999';

/** Arguments of each `curl`, as a bash hears them that has no other command. */
function heard(commands: readonly string[]): string[][] {
  const script = `curl() { printf '%s\\0' "$@"; printf '\\1\\0'; }\nset -eu\n${commands.join('\n')}\n`;
  const ids = commands.flatMap((text) => [...text.matchAll(/\$\{?(\w+_ID|PROVIDER)\b/g)]);
  const env = Object.fromEntries(ids.map(([, name = '']) => [name, filledIn]));
  const out = execFileSync('/bin/bash', ['--noprofile', '--norc'], {
    input: script,
    env: { ...env, PATH: '/nowhere', HIGHNOON_KEY: 'hnk_1', TOKEN: 'jwt', GUEST_TOKEN: 'guest' },
    encoding: 'utf8',
  });
  return out
    .split('\u0001\0')
    .slice(0, -1)
    .map((one) => one.split('\0').slice(0, -1));
}

describe('the commands of /docs', () => {
  const shown = table.flatMap((route: Route) =>
    curlsOf(route).map(({ text }) => ({ route, text })),
  );
  const commands = heard(shown.map(({ text }) => text));

  it('run in a bare bash, each with its keys, ids and body', () => {
    expect(commands).toHaveLength(cases.length);
    commands.forEach((words, i) => {
      const [, route, example] = cases[i] ?? [];
      const url = words.find((word) => word.startsWith('http://')) ?? '';
      expect(url).toMatch(/^http:\/\/localhost:3000\/[\w/.,?&=%+-]*$/);
      const keys = words.filter((word) => word.startsWith('Idempotency-Key: '));
      expect(keys).toHaveLength(route?.idempotencyKey === 'required' ? 1 : 0);
      for (const key of keys) expect(key).toMatch(/^Idempotency-Key: key-\d+$/);
      const at = words.findIndex((word) => word === '-d' || word === '--data-binary');
      const body = example?.body;
      const text = typeof body === 'string' ? body : JSON.stringify(body ?? null);
      const expected = text
        .replaceAll(exampleProductId, filledIn)
        .replaceAll('$GUEST_TOKEN', 'guest');
      expect(at < 0 ? 'null' : words[at + 1]).toBe(expected);
    });
  });
});
