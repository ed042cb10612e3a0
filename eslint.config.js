import js from '@eslint/js';
import graphql from '@graphql-eslint/eslint-plugin';
import tseslint from 'typescript-eslint';

const generated = ['**/generated/**', '**/node_modules/**', '.weir/**', 'gateway/supergraph.graphql'];

/** Only these read the environment: the config of each process, and the programs that hand an environment on. */
const environmentReaders = [
  '**/src/config.ts',
  '**/src/main.ts',
  '**/src/*-main.ts',
  '**/test-*.ts',
  'prisma/src/commands/**',
  'prisma/prisma.config.ts',
  'packages/testkit/**',
  'test/**',
  '**/*.test.ts',
  '*.ts',
];

export default tseslint.config(
  { ignores: generated },
  {
    files: ['**/*.ts', '**/*.js'],
    extends: [js.configs.recommended, ...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', '*.cjs', '*.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      // Leaving members out by destructuring is how an object without them is made.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // An implementation of an asynchronous contract may happen to be synchronous.
      '@typescript-eslint/require-await': 'off',
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only src/config.ts reads the environment (through loadConfig).',
        },
      ],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Our objects are made by factories and keep their state in closures: their methods do not use `this`.
      '@typescript-eslint/unbound-method': 'off',
      // Libraries declare enums whose members we compare with their string values.
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
    },
  },
  {
    files: environmentReaders,
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: [
      '*.ts',
      '*.js',
      'prisma/prisma.config.ts',
      '.dependency-cruiser.js',
      'packages/testkit/src/global-setup.ts',
    ],
    rules: { 'no-restricted-exports': 'off' },
  },
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly', URL: 'readonly' } },
  },
  {
    // Domain files decide; they know no database, no transport and no clock.
    files: ['packages/kernel/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['@weir/*', 'node:*', 'zod', 'pg'] }],
    },
  },
  {
    files: ['subgraphs/billing/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'parseFloat', message: 'Money is a bigint; see @weir/kernel/money.' },
      ],
    },
  },
  {
    files: ['subgraphs/**/*.graphql', 'packages/graphql/sdl/**/*.graphql'],
    languageOptions: { parser: graphql.parser },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      '@graphql-eslint/description-style': ['error', { style: 'block' }],
      '@graphql-eslint/no-typename-prefix': 'error',
      '@graphql-eslint/require-deprecation-reason': 'error',
      '@graphql-eslint/require-description': [
        'error',
        { types: true, FieldDefinition: true, EnumValueDefinition: true, InputValueDefinition: true },
      ],
      '@graphql-eslint/naming-convention': [
        'error',
        {
          types: 'PascalCase',
          FieldDefinition: 'camelCase',
          InputValueDefinition: 'camelCase',
          Argument: 'camelCase',
          EnumValueDefinition: 'UPPER_CASE',
        },
      ],
    },
  },
);
