import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAJOR_VERSION, type Binaries } from './binaries.ts';
import { EmbeddedPostgresError, systemCode } from './error.ts';
import type { ServerUser } from './system-user.ts';

export const SUPERUSER = 'weir';

/** The server gets nothing of our environment: no secret, and no PG* variable that would bend it. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

async function readPassword(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

function runInitdb(binaries: Binaries, args: readonly string[], user: ServerUser | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(binaries.initdb, args, {
      cwd: '/',
      env: serverEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-2_000);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(errors.trim() || `initdb ended with code ${String(code)}`));
    });
  });
}

async function initialise(
  binaries: Binaries,
  dataDir: string,
  password: string,
  user: ServerUser | undefined,
): Promise<void> {
  const unfinished = `${dataDir}.new`;
  const passwordFile = `${dataDir}.initial-password`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) await Promise.all([unfinished, passwordFile].map((path) => chown(path, user.uid, user.gid)));
  const args = [
    `--pgdata=${unfinished}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The same order of texts everywhere, whatever locales the machine has.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ];
  try {
    await runInitdb(binaries, args, user);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddedPostgresError(`The database folder ${dataDir} could not be created: ${reason}`, {
      cause,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
  // A start that is interrupted before this point leaves nothing that looks like a database.
  await rename(unfinished, dataDir);
}

/**
 * Makes the data folder a database cluster unless it is one.
 * @returns The superuser's password, kept in a file beside the data that only we can read.
 */
export async function ensureCluster(
  binaries: Binaries,
  dataDir: string,
  user: ServerUser | undefined,
): Promise<string> {
  const passwordFile = `${dataDir}.password`;
  const known = await readPassword(passwordFile);
  const version = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
  if (version === undefined) {
    if (await lstat(dataDir).catch(() => undefined)) {
      if ((await readdir(dataDir)).length > 0) {
        throw new EmbeddedPostgresError(
          `The folder ${dataDir} holds files but no database: empty it, or choose another one with WEIR_HOME.`,
        );
      }
      await rm(dataDir, { recursive: true });
    }
    const password = known ?? randomBytes(24).toString('base64url');
    if (known === undefined) await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    await initialise(binaries, dataDir, password, user);
    return password;
  }
  if (version !== MAJOR_VERSION) {
    throw new EmbeddedPostgresError(
      `The database in ${dataDir} is of PostgreSQL ${version}, and this Weir brings PostgreSQL ${MAJOR_VERSION}: dump and restore it, or choose another folder with WEIR_HOME.`,
    );
  }
  if (known === undefined) {
    throw new EmbeddedPostgresError(
      `The password of the database in ${dataDir} is missing: restore the file ${passwordFile}, or choose another folder with WEIR_HOME.`,
    );
  }
  return known;
}
