import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createBootstrap, type Bootstrap } from '@weir/identity/bootstrap';
import { systemClock } from '@weir/kernel/clock';
import { createDatabase } from '@weir/prisma/database';
import { CliError, EXIT, usageError } from './cli-error.ts';
import type { Config } from './config.ts';

interface DatabaseAccess {
  readonly url: string;
  readonly masterKey: Buffer;
}

const secretsSchema = z.object({ masterKey: z.string() });
const MASTER_KEY_BYTES = 32;

function masterKeyOf(text: string): Buffer {
  const key = Buffer.from(text, 'base64');
  if (key.length !== MASTER_KEY_BYTES) throw usageError('WEIR_MASTER_KEY must be 32 bytes in base64.');
  return key;
}

/** From the environment, or from the folder of a platform that was started with `npm start` and still runs. */
function accessOf({ databaseUrl, masterKey }: Config, home: string): DatabaseAccess {
  if (databaseUrl !== undefined && masterKey !== undefined) {
    return { url: databaseUrl, masterKey: masterKeyOf(masterKey) };
  }
  const [urlFile, secretsFile] = [join(home, 'database-url'), join(home, 'secrets.json')];
  if (
    databaseUrl !== undefined ||
    masterKey !== undefined ||
    !existsSync(urlFile) ||
    !existsSync(secretsFile)
  ) {
    throw usageError(
      'This command works on the database and not through the API: set DATABASE_URL and WEIR_MASTER_KEY, or give the folder of an embedded platform with --home.',
    );
  }
  const secrets = secretsSchema.parse(JSON.parse(readFileSync(secretsFile, 'utf8')));
  return { url: readFileSync(urlFile, 'utf8').trim(), masterKey: masterKeyOf(secrets.masterKey) };
}

/** @throws CliError of usage without access, and of unavailability when the database does not answer. */
export async function withDatabase<T>(
  config: Config,
  home: string | undefined,
  work: (bootstrap: Bootstrap) => Promise<T>,
): Promise<T> {
  const { url, masterKey } = accessOf(config, home ?? config.home);
  const db = createDatabase({ url, role: 'weir_identity', max: 1 });
  try {
    await db.$queryRaw`select 1`.catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message.split('\n').at(-1) : String(cause);
      throw new CliError(`The database does not answer: ${String(reason)}`, EXIT.unavailable);
    });
    return await work(await createBootstrap({ db, masterKey, clock: systemClock }));
  } finally {
    await db.$disconnect();
  }
}
