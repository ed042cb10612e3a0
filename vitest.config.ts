import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const everywhere = ['**/node_modules/**', 'test/bench/**'];

/**
 * Node loads the CommonJS build of graphql, as its package has no exports; Vite would prefer the ES module build to it,
 * and what one copy makes the other refuses.
 */
const resolve = {
  alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }],
};

/** `expect.poll` would give up after a second, which a busy machine takes now and then; it is a bound on hanging. */
const expect = { poll: { timeout: 20_000 } };

/** The suffix of a test says what it needs and costs; the projects select by it. */
export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...everywhere, '**/*.int.test.ts'],
          expect,
          // Properties take their time on a busy machine; it is a bound on hanging, not a measure.
          testTimeout: 30_000,
        },
      },
      {
        resolve,
        test: {
          name: 'integration',
          include: ['**/*.int.test.ts'],
          exclude: everywhere,
          expect,
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve,
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.ts'],
          exclude: everywhere,
          expect,
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
