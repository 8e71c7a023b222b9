// Who may import whom, checked for every source file, with fixtures that the checker must catch.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

type Files = ReadonlyMap<string, string>;

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

interface Module {
  readonly path: string;
  readonly imports: readonly Import[];
  /** What a layer may be forbidden to touch: globals, key texts, the environment. */
  readonly touches: readonly { readonly what: Touch; readonly line: number }[];
  readonly opensWithComment: boolean;
}

type Touch = 'impure' | 'lane key' | 'process.env';

/** By the start of a path: which other paths it may import. The first that fits counts. */
const mayImport: readonly (readonly [from: string, to: readonly string[]])[] = [
  ['engine/domain/', ['engine/domain/']],
  ['engine/', ['engine/', 'platform/']],
  ['platform/config.ts', ['platform/', 'stack/env.mjs']],
  ['platform/', ['platform/']],
  ['catalog/', ['catalog/', 'platform/']],
  ['api/', ['api/', 'platform/', 'engine/index.ts']],
  ['bench/micro', ['bench/', 'platform/', 'engine/index.ts']],
  ['bench/baselines/', ['bench/', 'platform/', 'engine/']],
  ['bench/search', ['bench/', 'catalog/', 'platform/']],
  ['bench/', ['bench/']],
  ['stack/', ['stack/']],
  ['test/', ['']],
];

/** Types cost nothing and tie nobody: a benchmark may know the shape of what it measures. */
const mayImportTypes: readonly (readonly [from: string, to: readonly string[]])[] = [
  ['bench/', ['api/', 'catalog/', 'engine/', 'platform/']],
];

/** Every vendor has a home; the rest of us know only what the home exports. */
const vendorHomes: Readonly<Record<string, readonly string[]>> = {
  'uWebSockets.js': ['platform/http/server.ts'],
  ajv: ['platform/http/'],
  ioredis: ['platform/redis/'],
  pg: ['platform/postgres/'],
  'pg-copy-streams': ['platform/postgres/'],
  kafkajs: ['platform/kafka/'],
  'prom-client': ['platform/metrics.ts'],
  pino: ['platform/log.ts'],
  'csv-parse': ['engine/imports/'],
  'fast-jwt': ['platform/', 'api/'],
  ws: ['bench/', 'test/'],
  msgpackr: ['engine/lanes/', 'engine/settle/', 'api/socket/'],
  '@noble/curves': ['engine/line/quicknet.ts', 'test/'],
  'rrule-temporal': ['engine/sales/'],
  'temporal-polyfill': ['engine/sales/'],
};

/** Loops of protocol §12: they meet in the stores, never in memory. */
const loops = ['verifier', 'relay', 'settler', 'trimmer', 'dispatcher', 'opener', 'reaper']
  .concat(['admitter', 'importer', 'publisher', 'reconciler'])
  .map((name) => `engine/${name}.ts`);

const vagueNames = /(^|\/)(utils?|helpers?|misc)\.ts$/;
const impureGlobals = new Set(['Date', 'performance', 'process', 'crypto', 'fetch', 'console'])
  .add('setTimeout')
  .add('setInterval')
  .add('setImmediate')
  .add('queueMicrotask')
  .add('Buffer');

function parse(path: string, text: string): Module {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const imports: Import[] = [];
  const touches: { what: Touch; line: number }[] = [];
  const lineOf = (node: ts.Node): number =>
    source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
  const visit = (node: ts.Node): void => {
    const found = importOf(node);
    if (found !== null) imports.push({ ...found, line: lineOf(node) });
    const what = touchOf(node);
    if (what !== null) touches.push({ what, line: lineOf(node) });
    ts.forEachChild(node, visit);
  };
  visit(source);
  const opensWithComment = /^(#!.*\n)?\/[/*]/.test(text);
  return { path, imports, touches, opensWithComment };
}

function importOf(node: ts.Node): Omit<Import, 'line'> | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return { specifier: node.moduleSpecifier.text, typeOnly };
  }
  if (
    ts.isExportDeclaration(node) &&
    node.moduleSpecifier &&
    ts.isStringLiteral(node.moduleSpecifier)
  ) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument;
    return ts.isStringLiteral(literal) ? { specifier: literal.text, typeOnly: true } : null;
  }
  if (!ts.isCallExpression(node)) return null;
  const [argument] = node.arguments;
  const { expression } = node;
  const loads =
    expression.kind === ts.SyntaxKind.ImportKeyword ||
    (ts.isIdentifier(expression) && expression.text === 'require');
  if (!loads || argument === undefined || !ts.isStringLiteralLike(argument)) return null;
  return { specifier: argument.text, typeOnly: false };
}

function touchOf(node: ts.Node): Touch | null {
  if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) {
    return node.text.includes('{lane:') ? 'lane key' : null;
  }
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const dotted = `${node.expression.text}.${node.name.text}`;
    if (dotted === 'process.env') return 'process.env';
    if (dotted === 'Math.random') return 'impure';
  }
  if (!ts.isIdentifier(node) || !impureGlobals.has(node.text)) return null;
  const named = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
  return named || ts.isPropertySignature(node.parent) ? null : 'impure';
}

const isRelative = (specifier: string): boolean => specifier.startsWith('.');
const resolve = (from: string, specifier: string): string =>
  posix.normalize(posix.join(posix.dirname(from), specifier));
const startsWithAny = (path: string, starts: readonly string[]): boolean =>
  starts.some((start) => path.startsWith(start));

/** `@scope/name/file` → `@scope/name`. */
function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

/** What is wrong with these files, one sentence each; none = nothing. */
function violations(files: Files): string[] {
  const modules = [...files].map(([path, text]) => parse(path, text));
  return [...modules.flatMap(violationsOf), ...cycles(modules)];
}

function violationsOf(module: Module): string[] {
  const { path } = module;
  const wrong = module.imports.flatMap((one) => {
    const sentence = isRelative(one.specifier) ? wrongPath(path, one) : wrongPackage(path, one);
    return sentence === null ? [] : [`${path}:${one.line} ${sentence}`];
  });
  for (const { what, line } of module.touches) {
    if (isForbidden(path, what)) wrong.push(`${path}:${line} touches ${what}`);
  }
  if (vagueNames.test(path)) wrong.push(`${path} has a name that says nothing`);
  if (!module.opensWithComment) wrong.push(`${path} does not say what it is`);
  return wrong;
}

function wrongPath(path: string, one: Import): string | null {
  const target = resolve(path, one.specifier);
  const allowed = mayImport.find(([from]) => path.startsWith(from))?.[1] ?? [];
  const types = mayImportTypes.find(([from]) => path.startsWith(from))?.[1] ?? [];
  if (loops.includes(path) && loops.includes(target)) return `a loop imports the loop ${target}`;
  if (startsWithAny(target, allowed)) return null;
  if (one.typeOnly && startsWithAny(target, types)) return null;
  return `may not import ${target}`;
}

function wrongPackage(path: string, { specifier }: Import): string | null {
  if (startsWithAny(path, ['test/', 'bench/']) || !path.includes('/')) return null;
  if (path.startsWith('engine/domain/')) return `may not import ${specifier}`;
  if (specifier.startsWith('node:')) return null;
  const homes = vendorHomes[packageOf(specifier)];
  if (homes === undefined) return `imports ${specifier}, which has no home in this test`;
  return startsWithAny(path, homes) ? null : `may not import ${specifier}`;
}

function isForbidden(path: string, what: Touch): boolean {
  switch (what) {
    case 'impure':
      return path.startsWith('engine/domain/');
    case 'lane key':
      return path !== 'engine/lanes/keys.ts' && !path.startsWith('test/');
    case 'process.env':
      return path !== 'platform/config.ts' && !startsWithAny(path, ['stack/', 'test/']);
  }
}

/** Depth first; a path that meets itself is a cycle. Types count: a cycle of types is one too. */
function cycles(modules: readonly Module[]): string[] {
  const graph = new Map(
    modules.map(({ path, imports }) => [
      path,
      imports.filter((one) => isRelative(one.specifier)).map((one) => resolve(path, one.specifier)),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      found.push(`cycle: ${[...trail.slice(at), path].join(' → ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const sourceFolders = ['engine', 'platform', 'api', 'catalog', 'bench', 'stack', 'test'] as const;

function sources(): Files {
  const files = new Map<string, string>();
  for (const folder of sourceFolders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(ts|mjs)$/.test(entry.name)) continue;
      const full = join(entry.parentPath, entry.name);
      files.set(full.slice(root.length + 1), readFileSync(full, 'utf8'));
    }
  }
  return files;
}

describe('who may import whom', () => {
  it('holds for every file', () => {
    const files = sources();
    for (const folder of ['engine/domain/', 'engine/', 'platform/', 'catalog/', 'test/']) {
      expect([...files.keys()].some((path) => path.startsWith(folder))).toBe(true);
    }
    expect(violations(files)).toEqual([]);
  });

  const comment = '// What it is.\n';
  const of = (files: Record<string, string>): Files =>
    new Map(Object.entries(files).map(([path, text]) => [path, comment + text]));

  it.each<[string, Record<string, string>]>([
    [
      'engine → domain, platform',
      { 'engine/relay.ts': `import '../platform/log.ts'; import './domain/ids.ts';` },
    ],
    ['api → engine/index', { 'api/main.ts': `import { x } from '../engine/index.ts';` }],
    ['bench → types', { 'bench/run.ts': `import type { x } from '../engine/shop.ts';` }],
    ['test → anything', { 'test/unit/x.test.ts': `import 'pg'; import '../../engine/shop.ts';` }],
    ['a vendor in its home', { 'platform/postgres/pool.ts': `import 'pg';` }],
    ['keys in keys.ts', { 'engine/lanes/keys.ts': 'export const k = `{lane:${1}}:x`;' }],
    ['Date as the name of a field', { 'engine/domain/x.ts': 'interface A { Date: number }' }],
  ])('allows %s', (_, files) => {
    expect(violations(of(files))).toEqual([]);
  });

  it.each<[string, Record<string, string>, string]>([
    ['domain → engine', { 'engine/domain/a.ts': `import '../shop.ts';` }, 'engine/shop.ts'],
    [
      'domain → platform',
      { 'engine/domain/a.ts': `import '../../platform/log.ts';` },
      'platform/log.ts',
    ],
    ['domain → node', { 'engine/domain/a.ts': `import 'node:crypto';` }, 'node:crypto'],
    ['domain → npm', { 'engine/domain/a.ts': `import 'msgpackr';` }, 'msgpackr'],
    ['a clock in the domain', { 'engine/domain/a.ts': 'export const t = Date.now();' }, 'impure'],
    ['chance in the domain', { 'engine/domain/a.ts': 'export const r = Math.random();' }, 'impure'],
    ['platform → engine', { 'platform/log.ts': `import '../engine/index.ts';` }, 'engine/index.ts'],
    ['engine → api', { 'engine/a.ts': `export * from '../api/x.ts';` }, 'api/x.ts'],
    ['engine → catalog', { 'engine/a.ts': `import('../catalog/x.ts');` }, 'catalog/x.ts'],
    [
      'catalog → engine',
      { 'catalog/a.ts': `import type { X } from '../engine/index.ts';` },
      'engine/index.ts',
    ],
    ['catalog → api', { 'catalog/a.ts': `import '../api/x.ts';` }, 'api/x.ts'],
    ['api → catalog', { 'api/a.ts': `import '../catalog/x.ts';` }, 'catalog/x.ts'],
    ['api → past the index', { 'api/a.ts': `import '../engine/shop.ts';` }, 'engine/shop.ts'],
    [
      'a type by import()',
      { 'api/a.ts': `let x: import('../engine/shop.ts').X;` },
      'engine/shop.ts',
    ],
    ['anybody → test', { 'engine/a.ts': `import '../test/support/x.ts';` }, 'test/support/x.ts'],
    ['anybody → bench', { 'platform/a.ts': `import '../bench/x.ts';` }, 'bench/x.ts'],
    [
      'bench → engine',
      { 'bench/run.ts': `import { x } from '../engine/index.ts';` },
      'engine/index.ts',
    ],
    [
      'stack → what is built',
      { 'stack/a.mjs': `import '../platform/config.ts';` },
      'platform/config.ts',
    ],
    ['a vendor out of its home', { 'engine/a.ts': `import { Redis } from 'ioredis';` }, 'ioredis'],
    ['a deep import of a vendor', { 'api/a.ts': `import 'pg/lib/x.js';` }, 'pg/lib/x.js'],
    ['a type of a vendor', { 'api/a.ts': `import type { Pool } from 'pg';` }, 'pg'],
    ['a vendor without a home', { 'platform/a.ts': `import '@scope/new/x';` }, 'no home'],
    ['a loop → a loop', { 'engine/relay.ts': `import './settler.ts';` }, 'a loop imports'],
    ['a key', { 'engine/a.ts': `export const k = '{lane:0}:marker';` }, 'lane key'],
    ['a key by template', { 'bench/a.ts': 'export const k = `{lane:${0}}:marker`;' }, 'lane key'],
    ['the environment', { 'api/a.ts': 'export const e = process.env.PORT;' }, 'process.env'],
    ['utils.ts', { 'engine/utils.ts': '' }, 'says nothing'],
    [
      'a cycle',
      {
        'api/a.ts': `import './b.ts';`,
        'api/b.ts': `import './c.ts';`,
        'api/c.ts': `import './a.ts';`,
      },
      'cycle: api/a.ts → api/b.ts → api/c.ts → api/a.ts',
    ],
  ])('catches %s', (_, files, sentence) => {
    const found = violations(of(files));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(sentence);
  });

  it('catches a file that does not say what it is', () => {
    expect(violations(new Map([['api/a.ts', 'export const a = 1;']]))).toEqual([
      'api/a.ts does not say what it is',
    ]);
  });
});
