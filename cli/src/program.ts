import { Command } from 'commander';
import { parseFormat, parseNumber } from './command-context.ts';
import { addApiKeyCommands } from './commands/api-keys.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addBootstrapCommand } from './commands/bootstrap.ts';
import { addBreakGlassCommands } from './commands/break-glass.ts';
import { addOrganizationCommands } from './commands/organizations.ts';
import { addUserCommands } from './commands/users.ts';

const HELP = `
Who you are: WEIR_API_KEY or WEIR_TOKEN. Where the platform is: --url or WEIR_URL.
bootstrap and break-glass work on the database: DATABASE_URL and WEIR_MASTER_KEY, or --home of an embedded platform.
Exit codes: 0 done, 1 failed, 2 used wrongly, 3 the platform is unavailable.`;

export function createProgram(): Command {
  const program = new Command('weir')
    .description('Operates a Weir platform')
    .option('--url <url>', 'where the platform is; WEIR_URL unless told')
    .option('--format <format>', 'table, json or csv', parseFormat, 'table')
    .option('--quiet', 'only identifiers, and nothing that is said about them', false)
    .option('--verbose', 'what is asked and answered, on standard error', false)
    .option('--timeout <seconds>', 'of the whole command', parseNumber(1, 3_600), 60)
    .addHelpText('after', HELP)
    .showSuggestionAfterError()
    .exitOverride();
  addBootstrapCommand(program);
  addBreakGlassCommands(program);
  addOrganizationCommands(program);
  addUserCommands(program);
  addApiKeyCommands(program);
  addAuditCommands(program);
  overrideExit(program);
  return program;
}

/** Commands inherit this only when it is set before they are added, and each says how it was used wrongly. */
function overrideExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) overrideExit(child);
}
