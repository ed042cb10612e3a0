import type { Command } from 'commander';
import { parseBoolean } from './command-context.ts';

/** With `--dry-run`, which only tells what would be done. */
export function rehearsable(command: Command, isDefault = false): Command {
  return command.option(
    '--dry-run [boolean]',
    'only say what would be done',
    (text: string) => parseBoolean(text),
    isDefault,
  );
}

/** With `--confirm`, without which it is not done. */
export function confirmed(command: Command): Command {
  return rehearsable(command).option('--confirm', 'really do it', false);
}
