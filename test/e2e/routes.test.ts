// Every route that a running stack documents, called as its document says; its pages and its health.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { projectRoot } from '../../platform/config.ts';
import { callEveryRoute } from './api/every-route.ts';
import { readContract } from './api/contract.ts';
import { Client } from './client.ts';

const { api, catalog, ops } = inject('stack');

const nextPort = (url: string, plus: number): string => {
  const next = new URL(url);
  next.port = String(Number(next.port) + plus);
  return next.origin;
};

it('calls every documented route, and each answers as documented', async () => {
  const { called, findings } = await callEveryRoute(api);
  expect(findings).toEqual([]);
  const { operations } = await readContract(api);
  expect([...new Set(called)].sort()).toEqual([...operations.keys()].sort());
});

it('documents itself on pages that load', async () => {
  for (const path of ['/docs', '/docs/errors']) {
    const response = await fetch(api + path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await response.text();
    expect(html).toContain('</html>');
    const etag = response.headers.get('etag') ?? '';
    const again = await fetch(api + path, { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
  }
  const docs = await (await fetch(`${api}/docs`)).text();
  const { operations } = await readContract(api);
  for (const { path } of operations.values()) expect(docs).toContain(path);
});

it('says where there is nothing: to a browser by a page, to programs by a problem', async () => {
  const asked = async (method: string, path: string, accept: string) => {
    const { status, headers } = await fetch(api + path, { method, headers: { accept } });
    return [status, headers.get('content-type')];
  };
  const page = [404, 'text/html; charset=utf-8'];
  const problem = [404, 'application/problem+json'];
  expect(await asked('GET', '/no/such', 'text/html,*/*')).toEqual(page);
  expect(await asked('HEAD', '/no/such?a=1', 'text/html')).toEqual(page);
  expect(await asked('GET', '/no/such', '*/*')).toEqual(problem);
  for (const path of ['/v1', '/v1?a=1', '/v1/no/such']) {
    expect(await asked('GET', path, 'text/html')).toEqual(problem);
  }
  expect(await asked('GET', '/missing.html', '*/*')).toEqual(problem);
});

it('documents only codes that docs/errors.md lists', async () => {
  const listed = readFileSync(join(projectRoot(), 'docs/errors.md'), 'utf8');
  const document = await (await fetch(`${api}/openapi.json`)).text();
  const codes = [...document.matchAll(/"enum":\["([a-z_]+)"/g)].map(([, code]) => code ?? '');
  expect(codes.length).toBeGreaterThan(50);
  const { components } = JSON.parse(document) as {
    components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
  };
  for (const code of components.schemas.Problem.properties.code.enum) {
    expect(listed).toContain(`\`${code}\``);
  }
});

it('answers HEAD like GET, without the body', async () => {
  for (const path of ['/health/live', '/openapi.json', '/v1/sales', '/docs']) {
    const [head, get] = await Promise.all([
      fetch(api + path, { method: 'HEAD' }),
      fetch(api + path),
    ]);
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    const body = await get.arrayBuffer();
    if (path === '/openapi.json') {
      expect(head.headers.get('content-length')).toBe(String(body.byteLength));
    }
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
  }
});

it('says of each path which methods it takes', async () => {
  const client = await Client.to(api);
  const answer = await client.ask('PUT', '/v1/sales', { body: {} });
  expect(answer).toMatchObject({ status: 405, json: { code: 'method_not_allowed' } });
  expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
});

it('is alive and ready in every process, each check by name', async () => {
  const worker = nextPort(ops, 2);
  for (const base of [api, catalog, worker, nextPort(ops, 1), ops]) {
    for (const path of ['/health/live', '/health/ready']) {
      const response = await fetch(base + path);
      const json = (await response.json()) as { status: string; checks?: Record<string, unknown> };
      expect({ base, path, status: response.status }).toEqual({ base, path, status: 200 });
      expect(json.status).toBe('ok');
    }
  }
  const ready = (await (await fetch(`${api}/health/ready`)).json()) as { checks: object };
  expect(ready.checks).toEqual({
    postgres: 'ok',
    redis: 'ok',
    kafka: 'ok',
    worker: 'ok',
    catalog: 'ok',
    lanes: 'ok',
  });
});

it('shows its metrics to operators only', async () => {
  expect((await fetch(`${api}/metrics`)).status).toBe(404);
  expect((await fetch(`${catalog}/metrics`)).status).toBe(404);
  const response = await fetch(`${ops}/metrics`);
  expect(response.status).toBe(200);
  const text = await response.text();
  for (const name of [
    'highnoon_outcomes_total',
    'highnoon_in_doubt_count',
    'highnoon_outbox_length',
  ]) {
    expect(text).toContain(name);
  }
});
