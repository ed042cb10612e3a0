import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const everywhere = ['**/node_modules/**', 'test/bench/**'];

/** As in production there must be one graphql: the copy that the CommonJS packages of Apollo load. */
const alias = [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }];

/**
 * Node loads the CommonJS build of graphql, as its package has no exports; Vite would prefer the ES module build to it,
 * and what one copy makes the other refuses.
 */
const resolve = { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] };

/** The suffix of a test says what it needs and costs; the projects select by it. */
export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          alias,
          include: ['**/*.test.ts'],
          exclude: [...everywhere, '**/*.int.test.ts'],
        },
      },
      {
        resolve,
        test: {
          name: 'integration',
          alias,
          include: ['**/*.int.test.ts'],
          exclude: everywhere,
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve,
        test: {
          name: 'e2e',
          alias,
          include: ['test/**/*.e2e.ts'],
          exclude: everywhere,
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
