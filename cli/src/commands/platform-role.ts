import { InvalidArgumentError, type Command } from 'commander';
import { rehearsable } from '../changing-command.ts';
import { contextOf, isRehearsal } from '../command-context.ts';

interface PlatformPerson {
  readonly id: string;
  readonly email: string;
  readonly platformRole: 'SYSTEM_ADMIN' | 'SUPPORT' | null;
}

const ROLES = { 'system-admin': 'SYSTEM_ADMIN', support: 'SUPPORT', none: null } as const;
type RoleName = keyof typeof ROLES;
const ROLE_NAMES = Object.keys(ROLES) as readonly RoleName[];
const COLUMNS = ['id', 'email', 'platformRole'] as const;

interface Options {
  readonly email: string;
  readonly role: RoleName;
  readonly dryRun: boolean;
}

function parseRole(text: string): RoleName {
  const role = ROLE_NAMES.find((known) => known === text.toLowerCase());
  if (role === undefined) throw new InvalidArgumentError(`Choose one of ${ROLE_NAMES.join(', ')}.`);
  return role;
}

export function addPlatformRoleCommand(group: Command): void {
  rehearsable(group.command('platform-role'))
    .description('what somebody may do on the platform itself; for system administrators')
    .requiredOption('--email <email>', 'whose role')
    .requiredOption('--role <role>', 'system-admin, support, or none to take it away', parseRole)
    .action(async ({ email, role, dryRun }: Options, command: Command) => {
      const { api, output } = contextOf(command);
      const what = role === 'none' ? `take the platform role of ${email} away` : `make ${email} ${role}`;
      if (isRehearsal({ dryRun }, output, what)) return;
      const { person } = await api.change<{ person: PlatformPerson }>(
        `mutation ($input: PlatformRoleSetInput!) { platformRoleSet(input: $input) {
           person { id email platformRole } userErrors { message field } } }`,
        'platformRoleSet',
        { email, role: ROLES[role] },
      );
      output.rows([{ ...person }], COLUMNS);
    });
}
