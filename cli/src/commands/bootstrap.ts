import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { Bootstrap } from '@weir/identity/bootstrap';
import { rehearsable } from '../changing-command.ts';
import { CliError, usageError } from '../cli-error.ts';
import { contextOf, isRehearsal, requireConfirmation } from '../command-context.ts';
import { withDatabase } from '../database.ts';
import type { Row } from '../output.ts';

interface BootstrapOptions {
  readonly email: string;
  readonly name: string;
  readonly orgName?: string;
  readonly orgSlug?: string;
  readonly keeper?: readonly string[];
  readonly additional: boolean;
  readonly home?: string;
  readonly dryRun: boolean;
  readonly confirm: boolean;
}

/** Long enough for every policy, and nobody's own words. */
export const newPassword = (): string => `Weir-${randomBytes(18).toString('base64url')}`;

const KEEPERS = ['first-keeper', 'second-keeper'];
const KEEPERS_MIN = 2;
export const SECRET_COLUMNS = ['for', 'secret', 'validUntil'] as const;

async function setUp(bootstrap: Bootstrap, options: BootstrapOptions): Promise<readonly Row[]> {
  const { email, name: displayName, orgName, orgSlug, keeper = KEEPERS } = options;
  if ((await bootstrap.systemAdminCount()) > 0 && !options.additional) {
    throw new CliError('There is a system administrator already. Add --additional to make another one.');
  }
  const password = newPassword();
  if (orgName !== undefined && orgSlug !== undefined) {
    const owner = { email, password, displayName };
    const created = await bootstrap.createOrganization({
      name: orgName,
      slug: orgSlug,
      timeZone: 'UTC',
      owner,
    });
    if (!created.ok) {
      throw new CliError(
        created.error === 'TAKEN'
          ? 'Somebody has the slug or the address already.'
          : `${email} is no address.`,
      );
    }
  }
  const admin = await bootstrap.createSystemAdmin({ email, password, displayName });
  if (!admin.ok) throw new CliError(`${email} is no address.`);
  const hasNewPassword = admin.value.isNew || orgName !== undefined;
  const tokens = await bootstrap.createRecoveryTokens(keeper);
  return [
    { for: email, secret: hasNewPassword ? password : '(unchanged)', validUntil: null },
    ...tokens.map((token) => ({
      for: token.keeper,
      secret: token.token,
      validUntil: token.expiresAt.toISOString(),
    })),
  ];
}

export function addBootstrapCommand(program: Command): void {
  rehearsable(program.command('bootstrap'), true)
    .description('the first system administrator, and recovery tokens for two keepers; works on the database')
    .requiredOption('--email <address>', 'of the administrator')
    .option('--name <name>', 'what they are called', 'System Administrator')
    .option('--org-name <name>', 'an organization of their own, with --org-slug')
    .option('--org-slug <slug>', 'its short name')
    .option(
      '--keeper <name>',
      'who keeps a recovery token; give at least two',
      (value: string, all: readonly string[] | undefined) => [...(all ?? []), value],
    )
    .option('--additional', 'although there is an administrator', false)
    .option('--home <folder>', 'of an embedded platform')
    .option('--confirm', 'really do it', false)
    .action(async (options: BootstrapOptions, command: Command) => {
      const { output, config } = contextOf(command);
      const { email, orgName, orgSlug, keeper = KEEPERS } = options;
      if ((orgName === undefined) !== (orgSlug === undefined))
        throw usageError('Give --org-name and --org-slug together.');
      if (new Set(keeper).size < KEEPERS_MIN)
        throw usageError('Give two keepers at least, each of another name.');
      const what = `make ${email} a system administrator, and recovery tokens for ${keeper.join(' and ')}`;
      if (isRehearsal(options, output, what)) {
        output.note('To do it: --dry-run=false --confirm');
        return;
      }
      requireConfirmation(options, what);
      const rows = await withDatabase(config, options.home, (bootstrap) => setUp(bootstrap, options));
      output.rows(rows, SECRET_COLUMNS);
      output.note(
        'These are shown this once. Give each keeper theirs alone; docs/break-glass.md says what for.',
      );
    });
}
