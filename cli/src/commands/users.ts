import type { Command } from 'commander';
import { confirmed, rehearsable } from '../changing-command.ts';
import { usageError } from '../cli-error.ts';
import {
  contextOf,
  everyPage,
  isRehearsal,
  parseNumber,
  requireConfirmation,
  type CommandContext,
} from '../command-context.ts';
import type { Row } from '../output.ts';
import { addPlatformRoleCommand } from './platform-role.ts';

interface Member {
  readonly id: string;
  readonly email: string | null;
  readonly role: { readonly id: string; readonly name: string };
  readonly status: string;
  readonly version: number;
  readonly createdAt: string;
}

const FIELDS = 'id email role { id name } status version createdAt';
const COLUMNS = ['id', 'email', 'role', 'status', 'createdAt'] as const;

const rowOf = ({ id, email, role, status, createdAt }: Member): Row => ({
  id,
  email,
  role: role.name,
  status,
  createdAt,
});

const payload = (mutation: string, input: string): string =>
  `mutation ($input: ${input}!) { ${mutation}(input: $input) {
     membership { ${FIELDS} } userErrors { message field } } }`;

/** Members of the organization, or those whose name or address contains a text. */
async function membersOf(
  { api }: CommandContext,
  organizationId: string,
  text: string | undefined,
  max: number,
): Promise<readonly Member[]> {
  return everyPage<Member>(async (after) => {
    const { organization } = await api.ask<{ organization: { members: never } }>(
      `query ($id: ID!, $filter: MemberFilter, $after: String) { organization(id: $id) {
         members(first: 100, after: $after, filter: $filter) {
           nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } } }`,
      { id: organizationId, filter: text === undefined ? null : { text }, after },
    );
    if (!organization?.members)
      throw usageError('There is no such organization, or its members are not shown to you.');
    return organization.members;
  }, max);
}

/** The one member with an address. */
async function memberWith(context: CommandContext, organizationId: string, email: string): Promise<Member> {
  const wanted = email.trim().toLowerCase();
  const members = await membersOf(context, organizationId, wanted, 1_000);
  const found = members.find((member) => member.email?.toLowerCase() === wanted);
  if (!found) throw usageError(`The organization has no member ${wanted}.`);
  return found;
}

/** `admin` and `rol_admin` are the same; a custom role has only its id. */
const roleId = (given: string): string => (given.startsWith('rol_') ? given : `rol_${given.toLowerCase()}`);

interface Options {
  readonly org?: string;
  readonly dryRun: boolean;
}

function addListAndInvite(group: Command): void {
  group
    .command('list')
    .description('members and invited people')
    .option('--org <id>', 'the organization')
    .option('--search <text>', 'a part of the name or the address')
    .option('--limit <n>', 'how many at most', parseNumber(1, 100_000), 1_000)
    .action(async (options: { org?: string; search?: string; limit: number }, command: Command) => {
      const context = contextOf(command);
      const id = await context.organizationId(options.org);
      context.output.rows((await membersOf(context, id, options.search, options.limit)).map(rowOf), COLUMNS);
    });

  rehearsable(group.command('invite'))
    .description('invites somebody by mail')
    .argument('<email>', 'whom')
    .requiredOption(
      '--role <role>',
      'owner, admin, manager, analyst, developer, finance, or the id of a custom role',
    )
    .option('--org <id>', 'the organization')
    .option('--message <text>', 'what to tell them')
    .action(
      async (email: string, options: Options & { role: string; message?: string }, command: Command) => {
        const { api, output, organizationId } = contextOf(command);
        const org = await organizationId(options.org);
        if (isRehearsal(options, output, `invite ${email} to ${org}`)) return;
        const { membership } = await api.change<{ membership: Member }>(
          payload('memberInvite', 'MemberInviteInput'),
          'memberInvite',
          {
            organizationId: org,
            email,
            roleId: roleId(options.role),
            ...(options.message !== undefined && { message: options.message }),
          },
        );
        output.rows([rowOf(membership)], COLUMNS);
      },
    );
}

function addChanges(group: Command): void {
  rehearsable(group.command('update'))
    .description('gives a member another role')
    .argument('<email>', 'whom')
    .requiredOption('--role <role>', 'the role, as for invite')
    .option('--org <id>', 'the organization')
    .action(async (email: string, options: Options & { role: string }, command: Command) => {
      const context = contextOf(command);
      const member = await memberWith(context, await context.organizationId(options.org), email);
      if (isRehearsal(options, context.output, `give ${email} the role ${options.role}`)) return;
      const { membership } = await context.api.change<{ membership: Member }>(
        payload('memberRoleSet', 'MemberRoleSetInput'),
        'memberRoleSet',
        { id: member.id, roleId: roleId(options.role), expectedVersion: member.version },
      );
      context.output.rows([rowOf(membership)], COLUMNS);
    });

  confirmed(group.command('suspend'))
    .description('a member can do nothing any more, and neither can their keys')
    .argument('<email>', 'whom')
    .requiredOption('--reason <text>', 'why')
    .option('--org <id>', 'the organization')
    .action(
      async (email: string, options: Options & { reason: string; confirm: boolean }, command: Command) => {
        const context = contextOf(command);
        const member = await memberWith(context, await context.organizationId(options.org), email);
        if (isRehearsal(options, context.output, `suspend ${email}`)) return;
        requireConfirmation(options, `suspend ${email} and their API keys`);
        const { membership } = await context.api.change<{ membership: Member }>(
          payload('memberSuspend', 'MemberSuspendInput'),
          'memberSuspend',
          { id: member.id, reason: options.reason },
        );
        context.output.rows([rowOf(membership)], COLUMNS);
      },
    );

  confirmed(group.command('remove'))
    .description('removes a member for good')
    .argument('<email>', 'whom')
    .option('--org <id>', 'the organization')
    .action(async (email: string, options: Options & { confirm: boolean }, command: Command) => {
      const context = contextOf(command);
      const member = await memberWith(context, await context.organizationId(options.org), email);
      if (isRehearsal(options, context.output, `remove ${email}`)) return;
      requireConfirmation(options, `remove ${email} and revoke their API keys`);
      await context.api.change(
        `mutation ($input: MemberRemoveInput!) { memberRemove(input: $input) { userErrors { message field } } }`,
        'memberRemove',
        { id: member.id, confirmation: member.email },
      );
      context.output.rows(
        [{ id: member.id, email: member.email, status: 'REMOVED' }],
        ['id', 'email', 'status'],
      );
    });
}

export function addUserCommands(program: Command): void {
  const group = program.command('user').description('members of an organization, and people of the platform');
  addListAndInvite(group);
  addChanges(group);
  addPlatformRoleCommand(group);
}
