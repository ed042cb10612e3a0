import { pendingSchemaChanges } from '../migrate.ts';
import { withScratchServer } from './scratch-server.ts';

const changes = await withScratchServer(pendingSchemaChanges);
if (changes === '') {
  process.stdout.write('The Prisma schema and the migrations agree.\n');
} else {
  process.stderr.write(
    `The Prisma schema and the migrations differ; npm run db:create -- <name> would write:\n\n${changes}\n`,
  );
  process.exitCode = 1;
}
