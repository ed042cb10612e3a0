import { defineConfig } from 'prisma/config';

/** For Prisma's own command line; Weir's scripts (`src/migrate.ts`) read the same folders. */
export default defineConfig({
  schema: 'schema',
  migrations: { path: 'migrations' },
});
