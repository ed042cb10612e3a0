import type { Command } from 'commander';
import { rehearsable } from '../changing-command.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { Config } from '../config.ts';
import { contextOf, isRehearsal, parseNumber, requireConfirmation } from '../command-context.ts';
import { withDatabase } from '../database.ts';
import { newPassword, SECRET_COLUMNS } from './bootstrap.ts';

interface Change {
  readonly home?: string;
  readonly dryRun: boolean;
  readonly confirm: boolean;
}

interface BreakOptions extends Change {
  readonly email: string;
  readonly recoveryToken?: readonly string[];
  readonly reason: string;
  readonly validMinutes: number;
}

const collect = (value: string, all: readonly string[] | undefined): readonly string[] => [
  ...(all ?? []),
  value,
];
const VALID_MINUTES_MAX = 480;
const APPROVALS = 2;

const dangerous = (command: Command): Command =>
  rehearsable(command, true)
    .option('--home <folder>', 'of an embedded platform')
    .option('--confirm', 'really do it', false);

function tokensOf({ recoveryToken }: BreakOptions, config: Config): readonly string[] {
  const tokens = recoveryToken ?? config.recoveryTokens;
  const given = [...new Set(tokens.map((token) => token.trim()).filter((token) => token !== ''))];
  if (given.length === APPROVALS) return given;
  throw usageError(
    'Two keepers approve: give --recovery-token twice, or both by comma in WEIR_RECOVERY_TOKENS.',
  );
}

export function addBreakGlassCommands(program: Command): void {
  dangerous(program.command('break-glass'))
    .description('the way back in for a system administrator, approved by two keepers; works on the database')
    .requiredOption('--email <address>', 'of the administrator')
    .requiredOption('--reason <text>', 'why, for the audit trail')
    .option('--recovery-token <token>', 'of one keeper; give it twice', collect)
    .option('--valid-minutes <n>', 'how long the new password opens', parseNumber(5, VALID_MINUTES_MAX), 60)
    .action(async (options: BreakOptions, command: Command) => {
      const { output, config } = contextOf(command);
      const { email, reason, validMinutes } = options;
      if (reason.trim().length < 10) throw usageError('--reason needs 10 characters at least.');
      const tokens = tokensOf(options, config);
      const what = `end every password, session, second factor and API key of ${email}, and give a password for ${validMinutes} minutes`;
      if (isRehearsal(options, output, what)) {
        output.note('To do it: --dry-run=false --confirm');
        return;
      }
      requireConfirmation(options, what);
      const password = newPassword();
      const result = await withDatabase(config, options.home, (bootstrap) =>
        bootstrap.breakGlass({ email, tokens, reason: reason.trim(), password, validMinutes }),
      );
      if (!result.ok) {
        throw new CliError(
          result.error === 'NO_ADMIN'
            ? `${email} administers no platform here.`
            : 'Not approved: it takes two recovery tokens of two keepers that were not used before and have not expired.',
        );
      }
      const { until, endedSessions, removedFactors, revokedApiKeys } = result.value;
      output.rows([{ for: email, secret: password, validUntil: until.toISOString() }], SECRET_COLUMNS);
      output.note(
        `Ended: ${endedSessions} sessions, ${removedFactors} second factors, ${revokedApiKeys} API keys. Choose a password before ${until.toISOString()}, and make new recovery tokens.`,
      );
    });

  dangerous(program.command('recovery-tokens'))
    .description('new recovery tokens, in place of those that the keepers had; works on the database')
    .requiredOption('--keeper <name>', 'who keeps one; give at least two', collect)
    .action(async (options: Change & { keeper: readonly string[] }, command: Command) => {
      const { output, config } = contextOf(command);
      const keepers = [...new Set(options.keeper)];
      if (keepers.length < APPROVALS) throw usageError('Give two keepers at least, each of another name.');
      const what = `make recovery tokens for ${keepers.join(' and ')}`;
      if (isRehearsal(options, output, what)) {
        output.note('To do it: --dry-run=false --confirm');
        return;
      }
      requireConfirmation(options, what);
      const tokens = await withDatabase(config, options.home, (bootstrap) =>
        bootstrap.createRecoveryTokens(keepers),
      );
      output.rows(
        tokens.map(({ keeper, token, expiresAt }) => ({
          for: keeper,
          secret: token,
          validUntil: expiresAt.toISOString(),
        })),
        SECRET_COLUMNS,
      );
      output.note('These are shown this once. Give each keeper theirs alone.');
    });
}
