/** The arrows of docs/architecture.md, checked: kernel ← contracts ← {counters, service, graphql} ← apps ← {embedded, test}. */
const tests = '(\\.test\\.ts$|/suite/|/test-[^/]+\\.ts$)';
const APPS = '^(subgraphs/[^/]+|gateway|router-proxy)/';

export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'kernel-imports-nothing',
      severity: 'error',
      from: { path: '^packages/kernel/src', pathNot: tests },
      to: { pathNot: '^packages/kernel/src' },
    },
    {
      name: 'contracts-import-kernel-only',
      severity: 'error',
      from: { path: '^packages/contracts/src', pathNot: tests },
      to: { pathNot: ['^packages/(kernel|contracts)/src', 'node_modules/zod'] },
    },
    {
      name: 'packages-import-no-app',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: [APPS, '^embedded/', '^test/'] },
    },
    {
      name: 'no-app-imports-another',
      severity: 'error',
      from: { path: '^(subgraphs/[^/]+|gateway|router-proxy)/' },
      to: { path: [APPS, '^embedded/', '^test/'], pathNot: '^$1/' },
    },
    {
      name: 'proxy-stays-lean',
      comment: 'The inference path never loads Prisma, GraphQL or Apollo.',
      severity: 'error',
      from: { path: '^router-proxy/src', pathNot: tests },
      to: { path: ['^prisma/', '^packages/(graphql|testkit)/', 'node_modules/(graphql|@apollo|@prisma)/'] },
    },
    {
      name: 'gateway-has-no-store',
      severity: 'error',
      from: { path: '^gateway/src', pathNot: tests },
      to: { path: ['^prisma/', '^packages/(counters|testkit)/', 'node_modules/(ioredis|@prisma|pg)/'] },
    },
    {
      name: 'testkit-is-for-tests',
      severity: 'error',
      from: {
        path: '^(packages|prisma|subgraphs|gateway|router-proxy|embedded)/',
        pathNot: [tests, '^packages/testkit/'],
      },
      to: { path: '^packages/testkit/' },
    },
    {
      name: 'domain-knows-no-database',
      comment: 'In a feature only *-store.ts (and projections) import the Prisma client.',
      severity: 'error',
      from: { path: '^subgraphs/[^/]+/src/modules/.*(resolvers|schema\\.mappers)\\.ts$' },
      to: { path: '^prisma/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/generated/', '^test/bench/'] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
