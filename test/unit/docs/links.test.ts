// What the pages point to is there: links, files, routes, variables, commands, tables, metrics.
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apiInfo } from '../../../api/routes.ts';
import { icsRoute } from '../../../api/handlers/sales.ts';
import { metrics } from '../../../platform/metrics.ts';
import { standardRoutes } from '../../../platform/http/standard.ts';
import { variables } from '../../../stack/env-table.mjs';
import { routeTable } from '../api/harness.ts';
import { allFiles, anchorsOf, codeOf, exists, linksOf, pages, root } from './pages.ts';
import type { Code, Page } from './pages.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const files = allFiles();
const sources = files
  .filter((path) => /\.(ts|mjs|lua|sql|yml|sh)$/.test(path) && !path.startsWith('test/unit/docs/'))
  .map(read)
  .join('\n');

/** A word of the sources: a name that stands nowhere in them is a name of nothing. */
const isInSources = (word: string): boolean => new RegExp(`\\b${word}\\b`).test(sources);

// -- files --

const folders = new Set(
  files.filter((path) => path.includes('/')).map((path) => path.split('/')[0]),
);
const pathPattern = /^[\w.-]+(?:\/[\w.*{}<>,-]+)+\/?(?::\d+)?$/;
const namePattern = /^[\w-][\w.-]*\.(?:ts|mjs|lua|sql|yml|svg|md)$/;

function wrongFile(word: string): string | null {
  const name = word.replace(/:\d+$/, '');
  if (namePattern.test(name)) {
    return files.some((path) => posix.basename(path) === name) ? null : `no file ${name}`;
  }
  if (!pathPattern.test(word) || !folders.has(name.split('/')[0] ?? '')) return null;
  if (/[*{<]/.test(name)) {
    const escaped = name.replaceAll(/[.+?^$()|[\]\\]/g, '\\$&');
    const glob = escaped.replaceAll(/\{[^}]*\}|<[^>]*>|\*+/g, '[^/]*');
    return files.some((path) => new RegExp(`^${glob}`).test(path)) ? null : `no file ${name}`;
  }
  return exists(name) || exists(`${name}.ts`) ? null : `no file ${name}`;
}

// -- routes --

const table = routeTable();
const routes = [...table, icsRoute(), ...standardRoutes(table, apiInfo, 'sale')];
const operators = ['/metrics', '/health/live', '/health/ready'].map((path) => `GET ${path}`);
const shapeOf = (path: string): string =>
  path
    .replace(/[?#].*$/, '')
    .split('/')
    .map((part) =>
      /^\{|…|^(?:sal|ord|prd|key|ven)_|^\$/.test(part) ? part.replace(/^[^.]+/, '{}') : part,
    )
    .join('/');
const known = new Set([
  ...operators,
  ...routes.map(({ method, path }) => `${method} ${shapeOf(path)}`),
]);
const routePattern =
  /^(?:(GET|POST|PUT|PATCH|DELETE) )?(\/(?:v1|health|docs|admin)\/\S+|\/(?:docs|metrics|register-product|openapi\.json|asyncapi\.json)\b\S*)/;

function wrongRoute(text: string): string | null {
  const [, method, path = ''] = routePattern.exec(text) ?? [];
  if (path === '') return null;
  const shape = shapeOf(path);
  const found =
    method === undefined
      ? [...known].some((route) => route.endsWith(` ${shape}`))
      : known.has(`${method} ${shape}`);
  return found ? null : `no route ${method ?? ''} ${path}`;
}

// -- names: variables, commands, tables, metrics --

const variableNames = new Set(variables.map(({ name }) => name));
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const commandTable = /const commands = \{([\s\S]*?)\n\};/.exec(read('stack/cli/highnoon.mjs'))?.[1];
const commands = [...(commandTable ?? '').matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
const relations = new Set(
  [...sources.matchAll(/\bCREATE (?:TABLE|VIEW) ((?:sale|shop|platform)\.\w+)/g)].map(([, n]) => n),
);
const metricNames = new Set(
  Object.values(metrics).map((metric) => (metric as unknown as { name: string }).name),
);

function wrongNames(text: string): string[] {
  const wrong: string[] = [];
  const each = (pattern: RegExp, check: (name: string) => boolean, what: string): void => {
    for (const [, name = ''] of text.matchAll(pattern)) {
      if (!check(name)) wrong.push(`no ${what} ${name}`);
    }
  };
  const isVariable = (name: string): boolean => variableNames.has(name) || isInSources(name);
  each(/(?<![\w.])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/g, isVariable, 'variable');
  each(/\bnpm run ([\w:-]+)/g, (name) => name in scripts, 'npm script');
  each(/\bnpx highnoon ([a-z]+)/g, (name) => commands.includes(name), 'command');
  each(
    /(?<![\w./])((?:sale|shop|platform)\.[a-z_]+)\b(?!\.?(?:ts|svg|lua|json|md)\b)/g,
    (name) => relations.has(name) || /\.(?:ts|svg|lua|json|md)$/.test(name),
    'table',
  );
  each(
    /\b(highnoon_[a-z_]+)\b/g,
    (name) => metricNames.has(name.replace(/_(?:bucket|sum|count)$/, '')) || isInSources(name),
    'metric',
  );
  return wrong;
}

/** What is wrong with what a page has in code. */
function wrongCode({ text, fenced }: Code): string[] {
  const words = text.split(/[\s'"()=,;|]+/).map((word) => word.replace(/[.:]$/, ''));
  const inFiles = words.map(wrongFile).filter((wrong) => wrong !== null);
  const urls = [...text.matchAll(/https?:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?(\/[^\s'"`]*)/g)];
  const inRoutes = [fenced ? '' : text, ...urls.map(([, path = '']) => path)].map(wrongRoute);
  return [...inFiles, ...inRoutes.filter((wrong) => wrong !== null), ...wrongNames(text)];
}

/** What is wrong with the links of a page. */
function wrongLinks({ path, text }: Page, readPage: (path: string) => string = read): string[] {
  return linksOf(text).flatMap(({ target, line }) => {
    if (/^[a-z][a-z0-9+.-]*:/.test(target)) return [];
    const [file = '', anchor] = target.split('#');
    const to = file === '' ? path : posix.join(posix.dirname(path), file);
    if (file !== '' && !exists(to)) return [`${path}:${line} no file ${target}`];
    if (anchor === undefined || !to.endsWith('.md')) return [];
    const there = file === '' ? text : readPage(to);
    return anchorsOf(there).has(anchor) ? [] : [`${path}:${line} no heading ${target}`];
  });
}

describe.each(pages().map((page) => [page.path, page] as const))('%s', (path, page) => {
  it('links to what is there', () => {
    expect(wrongLinks(page)).toEqual([]);
  });

  it('names what is there', () => {
    const wrong = codeOf(page.text).flatMap((code) =>
      wrongCode(code).map((sentence) => `${path}:${code.line} ${sentence}`),
    );
    expect(wrong).toEqual([]);
  });
});

it('the sources name only pages that are there', () => {
  const named = files
    .filter((path) => /\.(ts|mjs|lua|sql|yml)$/.test(path) && !path.startsWith('test/'))
    .flatMap((path) => [...read(path).matchAll(/[\w./-]+\.md\b/g)].map(([name]) => [path, name]));
  const base = (path: string): string => posix.basename(path);
  const there = ([, name = '']: string[]): boolean =>
    name.includes('/') ? exists(name) : files.some((path) => base(path) === name);
  expect(named.filter((one) => !there(one))).toEqual([]);
});

describe('the pages', () => {
  it('have the ones that people look for', () => {
    const wanted = ['architecture', 'data-model', 'guarantees', 'errors', 'operating', 'glossary'];
    expect(wanted.filter((name) => !exists(`docs/${name}.md`))).toEqual([]);
  });

  it('number the decisions without a gap, each in the index', () => {
    const numbered = files.filter((path) => /^docs\/decisions\/\d{4}-[a-z0-9-]+\.md$/.test(path));
    const numbers = numbered
      .map((path) => Number(posix.basename(path).slice(0, 4)))
      .sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    const index = read('docs/decisions/README.md');
    expect(numbered.filter((path) => !index.includes(`(${posix.basename(path)})`))).toEqual([]);
  });
});

describe('this test', () => {
  const code = (text: string, fenced = false): string[] => wrongCode({ text, line: 1, fenced });

  it.each([
    ['engine/nothing.ts', 'no file engine/nothing.ts'],
    ['test/lua/none/*.test.ts', 'no file test/lua/none/*.test.ts'],
    ['nowhere.lua', 'no file nowhere.lua'],
    ['GET /v1/nothing', 'no route GET /v1/nothing'],
    ['PUT /v1/sales/{id}', 'no route PUT /v1/sales/{id}'],
    ['/v1/sales/sal_…/hold', 'no route  /v1/sales/sal_…/hold'],
    ['curl http://localhost:3000/v2', null],
    ['curl http://localhost:3000/v1/none', 'no route  /v1/none'],
    ['NO_SUCH_THING=1 npm start', 'no variable NO_SUCH_THING'],
    ['npm run nothing', 'no npm script nothing'],
    ['npx highnoon nothing', 'no command nothing'],
    ['sale.nothing', 'no table sale.nothing'],
    ['highnoon_nothing_total', 'no metric highnoon_nothing_total'],
  ])('finds what is wrong with %s', (text, wrong) => {
    expect(code(text)).toEqual(wrong === null ? [] : [wrong]);
  });

  it.each([
    'engine/relay.ts',
    'lua/include/*.lua',
    'engine/migrations/',
    'POST /v1/sales/{id}/holds',
    'GET /v1/orders/ord_…',
    '/health/ready',
    'LANES=4 npm start',
    'npm run bench -- steady',
    'npx highnoon audit --json',
    'sale.orders',
    'docs/sale.svg',
    'highnoon_in_doubt_count',
    '/usr/lib/postgresql',
  ])('lets %s be', (text) => {
    expect(code(text)).toEqual([]);
  });

  it('looks into fences and behind anchors', () => {
    expect(code('curl http://127.0.0.1:3000/v1/none', true)).toEqual(['no route  /v1/none']);
    const page = { path: 'docs/a.md', text: '# A b\n[x](#a-b) [y](#c) [z](none.md)' };
    expect(wrongLinks(page)).toEqual(['docs/a.md:2 no heading #c', 'docs/a.md:2 no file none.md']);
  });
});
