/**
 * Lint rules: as strict as they go without arguing with the types. Who may import whom is
 * test/unit/imports.test.ts; here stands only what an editor should show at once.
 */
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Each vendor has one home; nobody else imports it. The last entry that fits a file counts. */
const homes = [
  { files: ['platform/http/**'], vendors: ['ajv', 'ajv/**'] },
  { files: ['platform/http/server.ts'], vendors: ['uWebSockets.js', 'ajv', 'ajv/**'] },
  { files: ['platform/redis/**'], vendors: ['ioredis'] },
  { files: ['platform/postgres/**'], vendors: ['pg', 'pg/**', 'pg-copy-streams'] },
  { files: ['platform/kafka/**'], vendors: ['kafkajs', 'kafkajs/**'] },
  { files: ['platform/metrics.ts'], vendors: ['prom-client'] },
  { files: ['platform/log.ts'], vendors: ['pino'] },
];

/** Keeps out every vendor but those. */
function vendorsOutOf(allowed) {
  const group = [...new Set(homes.flatMap(({ vendors }) => vendors))].filter(
    (vendor) => !allowed.includes(vendor),
  );
  const message = 'This vendor has one home under platform/: use what that exports.';
  return ['error', { patterns: [{ group, message }] }];
}

const vendorRules = homes.map(({ files, vendors }) => ({
  files,
  rules: { 'no-restricted-imports': vendorsOutOf(vendors) },
}));

const nodeGlobals = Object.fromEntries(
  ['AbortController', 'AbortSignal', 'Buffer', 'URL', 'URLSearchParams', 'clearInterval']
    .concat(['clearTimeout', 'console', 'fetch', 'performance', 'process', 'queueMicrotask'])
    .concat(['setImmediate', 'setInterval', 'setTimeout', 'structuredClone', 'TextDecoder'])
    .concat(['TextEncoder'])
    .map((name) => [name, 'readonly']),
);

const browserGlobals = Object.fromEntries(
  ['AbortController', 'AbortSignal', 'Intl', 'URLSearchParams', 'clearInterval', 'clearTimeout']
    .concat(['document', 'fetch', 'history', 'localStorage', 'location', 'setInterval'])
    .concat(['setTimeout', 'window', 'WebSocket', 'FormData', 'crypto', 'sessionStorage'])
    .map((name) => [name, 'readonly']),
);

const sizes = {
  'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
  'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
};

const unused = {
  argsIgnorePattern: '^_',
  varsIgnorePattern: '^_',
  destructuredArrayIgnorePattern: '^_',
};

const everywhere = {
  curly: ['error', 'multi-line'],
  eqeqeq: 'error',
  'no-console': 'error',
  'no-eval': 'error',
  'no-implicit-coercion': ['error', { allow: ['!!'] }],
  'no-new-func': 'error',
  'no-param-reassign': 'error',
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
  'prefer-template': 'error',
  'no-useless-return': 'error',
};

const typed = {
  '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
  '@typescript-eslint/consistent-type-exports': 'error',
  '@typescript-eslint/explicit-module-boundary-types': 'off',
  '@typescript-eslint/no-confusing-void-expression': [
    'error',
    { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
  ],
  '@typescript-eslint/no-import-type-side-effects': 'error',
  '@typescript-eslint/no-unused-vars': ['error', unused],
  '@typescript-eslint/promise-function-async': 'off',
  '@typescript-eslint/require-await': 'error',
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/strict-boolean-expressions': [
    'error',
    { allowString: false, allowNumber: false },
  ],
  '@typescript-eslint/switch-exhaustiveness-check': [
    'error',
    { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: false },
  ],
  // prom-client, pino and our own ports mix methods and plain functions; `this` is never borrowed.
  '@typescript-eslint/unbound-method': ['error', { ignoreStatic: true }],
  // Interfaces of wire forms are indexed by name on purpose (noPropertyAccessFromIndexSignature).
  '@typescript-eslint/dot-notation': 'off',
  // `x as number` is the one way out on hot paths; `x!` stays forbidden.
  '@typescript-eslint/non-nullable-type-assertion-style': 'off',
  // A quarter of the whole lint's time, and all they found were typings of vendors.
  '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
  '@typescript-eslint/no-unsafe-enum-assignment': 'off',
  // Ids are aliases of one form: `SaleId | OrderId` says which are meant.
  '@typescript-eslint/no-duplicate-type-constituents': 'off',
};

const restrictedSyntax = [
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
  { selector: 'TSEnumDeclaration', message: 'Erasable syntax only: a union of strings.' },
];

const useClock = 'Use platform/clock.ts: the simulation replaces it.';
const timeGlobals = ['performance', 'setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
  name,
  message: useClock,
}));

const environmentSyntax = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'process.env is read in platform/config.ts and stack/ only.',
};

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', '.highnoon/', 'coverage/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...everywhere,
      ...typed,
      ...sizes,
      'no-restricted-imports': vendorsOutOf([]),
      'no-restricted-syntax': ['error', ...restrictedSyntax, environmentSyntax],
    },
  },
  ...vendorRules,
  {
    files: ['platform/config.ts'],
    rules: { 'no-restricted-syntax': ['error', ...restrictedSyntax] },
  },
  {
    // Tests look at raw stores, at vendors and at what they are told by the runner.
    files: ['test/**/*.ts', 'bench/**/*.ts', 'vitest.config.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-imports': 'off',
      'no-restricted-syntax': 'off',
      'no-console': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Time and chance of what the simulation runs come from one place.
    files: ['engine/**/*.ts'],
    ignores: ['engine/audit/**', 'engine/cli/**', 'engine/setup.ts'],
    rules: {
      'no-restricted-globals': ['error', ...timeGlobals],
      'no-restricted-properties': ['error', { object: 'Date', property: 'now', message: useClock }],
    },
  },
  {
    // Commands talk to a terminal.
    files: ['engine/cli/**/*.ts', 'engine/setup.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    // The shop's page, as browsers run it.
    files: ['web/*.js'],
    extends: [tseslint.configs.eslintRecommended],
    languageOptions: { ecmaVersion: 2023, sourceType: 'module', globals: browserGlobals },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { ...everywhere, ...sizes },
  },
  {
    files: ['**/*.mjs'],
    extends: [tseslint.configs.eslintRecommended],
    languageOptions: { ecmaVersion: 2023, sourceType: 'module', globals: nodeGlobals },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...everywhere,
      ...sizes,
      'no-console': 'off',
      'no-undef': 'error',
      'no-unused-vars': ['error', unused],
    },
  },
);
