import { defineConfig } from 'oxlint';
import {
  BOUNDARIES,
  forbiddenImports,
  forbiddenRooms,
  GRAPH_ROOMS,
  SAMPLES_FORBIDDEN,
  stageGlob,
  WITHOUT_SAMPLES,
} from './scripts/boundaries.ts';

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'node', 'vitest'],
  categories: { correctness: 'error', suspicious: 'error', perf: 'error' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  ignorePatterns: ['dist', 'dist.*', 'coverage', 'bench/peers', 'native'],
  rules: {
    // Beyond the categories: what the house style asks for.
    eqeqeq: 'error',
    'max-lines': ['error', { max: 400 }],
    'no-var': 'error',
    'prefer-const': 'error',
    'import/no-cycle': 'error',
    'import/no-default-export': 'error',
    'promise/no-promise-in-callback': 'error',
    'typescript/ban-ts-comment': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-deprecated': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-import-type-side-effects': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/prefer-promise-reject-errors': 'error',
    'typescript/return-await': ['error', 'error-handling-correctness-only'],
    'typescript/switch-exhaustiveness-check': [
      'error',
      { considerDefaultExhaustiveForUnions: true },
    ],
    'unicorn/no-abusive-eslint-disable': 'error',
    'unicorn/prefer-node-protocol': 'error',

    // Switched off, each for its reason.
    'import/no-named-as-default-member': 'off', // pg is CommonJS: Node finds most of its names on the default export only
    'no-await-in-loop': 'off', // statements on one connection, polls and chunk streams are sequential on purpose
    'oxc/no-map-spread': 'off', // copies where a copy is meant; hot paths hold no objects to spread
    'typescript/consistent-return': 'off', // the declared return type already decides, and tsc checks it
    'typescript/no-generated-empty-object-type': 'off', // NonNullable<unknown> is what a JSON column holds beside null
    'typescript/no-unsafe-type-assertion': 'off', // a typed array read below its checked bound is a number, which tsc cannot know
    'typescript/unbound-method': 'off', // interfaces declare methods, closures implement them: none needs a this
    'unicorn/no-array-reverse': 'off', // in place is right for an array just made, and for typed arrays
    'unicorn/no-array-sort': 'off', // the same
    'unicorn/consistent-function-scoping': 'off', // a function stands beside its only caller even when it captures nothing
  },
  overrides: [
    {
      files: ['src/**', 'workers/**'],
      rules: {
        // stdout carries results and stderr what the logger writes; neither is the console's.
        'no-console': 'error',
        'unicorn/no-process-exit': 'error',
      },
    },
    {
      // The tools that read these files want a default export.
      files: ['*.config.ts', 'test/support/global-setup.ts', 'workers/**'],
      rules: { 'import/no-default-export': 'off' },
    },
    {
      files: ['test/**'],
      rules: {
        'vitest/valid-expect': ['error', { maxArgs: 2 }], // the second one is the message
        'max-lines': 'off', // a test file lists cases; its subject decides how many
        'typescript/no-unsafe-assignment': 'off', // vitest's asymmetric matchers are typed any
      },
    },
    {
      // Plain JavaScript stands outside the TypeScript program, so that nothing in it has a type.
      files: ['**/*.mjs'],
      rules: {
        'typescript/no-unsafe-argument': 'off',
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-call': 'off',
        'typescript/no-unsafe-member-access': 'off',
        'typescript/no-unsafe-return': 'off',
      },
    },
    ...BOUNDARIES.map((boundary) => ({
      files: [stageGlob(boundary.stage)],
      rules: {
        'no-restricted-imports': ['error', { patterns: forbiddenImports(boundary) }] as [
          'error',
          object,
        ],
      },
    })),
    {
      files: WITHOUT_SAMPLES.map((name) => `**/src/${name}`),
      rules: { 'no-restricted-imports': ['error', { patterns: [SAMPLES_FORBIDDEN] }] },
    },
    ...Object.keys(GRAPH_ROOMS).map((room) => ({
      files: [`**/src/graph/${room}/**`],
      rules: {
        'no-restricted-imports': ['error', { patterns: forbiddenRooms(room) }] as ['error', object],
      },
    })),
  ],
});
