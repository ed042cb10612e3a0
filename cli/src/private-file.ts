import { writeFile } from 'node:fs/promises';
import { CliError, usageError } from './cli-error.ts';

/** A new file that its owner alone can read. @throws CliError when there is one, or it cannot be written. */
export async function writePrivateFile(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeFile(path, content, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'EEXIST') throw usageError(`${path} is there already. Choose another name.`);
    throw new CliError(`${path} cannot be written (${String(code)}).`);
  }
}
