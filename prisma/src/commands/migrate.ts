import { migrate } from '../migrate.ts';
import { databaseUrl } from './database-url.ts';

const { applied } = await migrate(databaseUrl());
process.stdout.write(
  applied.length === 0 ? 'The database is up to date.\n' : `Applied ${applied.join(', ')}.\n`,
);
