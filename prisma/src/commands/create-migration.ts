import { relative } from 'node:path';
import { writeMigration } from '../migration-files.ts';
import { pendingSchemaChanges } from '../migrate.ts';
import { withScratchServer } from './scratch-server.ts';

const name = process.argv[2] ?? '';
if (!/^[a-z][a-z0-9_]{0,99}$/.test(name)) {
  process.stderr.write('Name the migration in lower case: npm run db:create -- add_invoices\n');
  process.exit(1);
}

const changes = await withScratchServer(pendingSchemaChanges);
const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
const path = await writeMigration(
  `${timestamp}_${name}`,
  changes === '' ? '-- The Prisma schema asks for no change.\n' : `${changes}\n`,
);
process.stdout.write(
  `Wrote ${relative(process.cwd(), path)}. Review it; grants, row-level security and triggers are added by hand.\n`,
);
