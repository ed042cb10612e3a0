import type { Command } from 'commander';
import { confirmed, rehearsable } from '../changing-command.ts';
import { contextOf, everyPage, isRehearsal, parseNumber, requireConfirmation } from '../command-context.ts';
import { usageError } from '../cli-error.ts';
import type { Row } from '../output.ts';

interface Organization {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly status: string;
  readonly planTier: string;
  readonly timeZone: string;
  readonly createdAt: string;
}

const FIELDS = 'id slug name status planTier timeZone createdAt';
const COLUMNS = ['id', 'slug', 'name', 'status', 'planTier', 'timeZone', 'createdAt'] as const;

const rowOf = (organization: Organization): Row => ({ ...organization });

interface Change {
  readonly confirm: boolean;
  readonly dryRun: boolean;
}

const payload = (mutation: string, input: string): string =>
  `mutation ($input: ${input}!) { ${mutation}(input: $input) {
     organization { ${FIELDS} } userErrors { message field } } }`;

function addReading(group: Command): void {
  group
    .command('list')
    .description('every organization; for people who operate the platform')
    .option('--search <text>', 'a part of the name or the slug')
    .option('--limit <n>', 'how many at most', parseNumber(1, 100_000), 1_000)
    .action(async (options: { search?: string; limit: number }, command: Command) => {
      const { api, output } = contextOf(command);
      const found = await everyPage<Organization>(async (after) => {
        const { organizations } = await api.ask<{ organizations: never }>(
          `query ($search: String, $after: String) { organizations(search: $search, first: 100, after: $after) {
             nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } }`,
          { search: options.search ?? null, after },
        );
        return organizations;
      }, options.limit);
      output.rows(found.map(rowOf), COLUMNS);
    });

  group
    .command('show')
    .description('one organization; one’s own unless told')
    .argument('[id]', 'the organization')
    .action(async (id: string | undefined, _options: object, command: Command) => {
      const { api, output, organizationId } = contextOf(command);
      const { organization } = await api.ask<{ organization: Organization | null }>(
        `query ($id: ID!) { organization(id: $id) { ${FIELDS} } }`,
        { id: await organizationId(id) },
      );
      if (!organization) throw usageError('There is no organization with this id.');
      output.rows([rowOf(organization)], COLUMNS);
    });
}

interface CreateOptions {
  readonly name: string;
  readonly slug: string;
  readonly ownerEmail: string;
  readonly ownerName?: string;
  readonly plan: string;
  readonly timeZone: string;
  readonly dryRun: boolean;
}

function addCreation(group: Command): void {
  rehearsable(group.command('create'))
    .description(
      'an organization for somebody else, who is told by mail; for people who operate the platform',
    )
    .requiredOption('--name <name>', 'what people call it')
    .requiredOption('--slug <slug>', 'its short name; it never changes')
    .requiredOption('--owner-email <address>', 'its Owner')
    .option('--owner-name <name>', 'what the Owner is called')
    .option('--plan <tier>', 'STARTER, GROWTH or ENTERPRISE', 'STARTER')
    .option('--time-zone <name>', 'in which its days begin', 'UTC')
    .action(async (options: CreateOptions, command: Command) => {
      const { api, output } = contextOf(command);
      if (isRehearsal(options, output, `create the organization ${options.slug} for ${options.ownerEmail}`))
        return;
      const { organization } = await api.change<{ organization: Organization }>(
        payload('organizationCreate', 'OrganizationCreateInput'),
        'organizationCreate',
        {
          name: options.name,
          slug: options.slug,
          ownerEmail: options.ownerEmail,
          ...(options.ownerName !== undefined && { ownerDisplayName: options.ownerName }),
          planTier: options.plan.toUpperCase(),
          timeZone: options.timeZone,
        },
      );
      output.rows([rowOf(organization)], COLUMNS);
    });
}

interface UpdateOptions {
  readonly name?: string;
  readonly timeZone?: string;
  readonly dryRun: boolean;
}

function addChanges(group: Command): void {
  rehearsable(group.command('update'))
    .description('changes an organization; one’s own unless told')
    .argument('[id]', 'the organization')
    .option('--name <name>', 'what people call it')
    .option('--time-zone <name>', 'in which its days begin')
    .action(async (given: string | undefined, options: UpdateOptions, command: Command) => {
      const { api, output, organizationId } = contextOf(command);
      const { name, timeZone } = options;
      if (name === undefined && timeZone === undefined)
        throw usageError('Say what to change: --name or --time-zone.');
      const id = await organizationId(given);
      if (isRehearsal(options, output, `update the organization ${id}`)) return;
      const { organization } = await api.change<{ organization: Organization }>(
        payload('organizationUpdate', 'OrganizationUpdateInput'),
        'organizationUpdate',
        { id, ...(name !== undefined && { name }), ...(timeZone !== undefined && { timeZone }) },
      );
      output.rows([rowOf(organization)], COLUMNS);
    });

  for (const [name, status, what] of [
    ['suspend', 'SUSPENDED', 'refuse every request of the organization'],
    ['activate', 'ACTIVE', 'let the organization work again'],
  ] as const) {
    confirmed(group.command(name))
      .description(`${what}; for people who operate the platform`)
      .argument('<id>', 'the organization')
      .requiredOption('--reason <text>', 'why, for the records')
      .action(async (id: string, options: Change & { reason: string }, command: Command) => {
        const { api, output } = contextOf(command);
        if (isRehearsal(options, output, `${name} the organization ${id}`)) return;
        if (status === 'SUSPENDED') requireConfirmation(options, what);
        const { organization } = await api.change<{ organization: Organization }>(
          payload('organizationStatusUpdate', 'OrganizationStatusUpdateInput'),
          'organizationStatusUpdate',
          { id, status, reason: options.reason },
        );
        output.rows([rowOf(organization)], COLUMNS);
      });
  }

  confirmed(group.command('delete'))
    .description('deletes an organization')
    .argument('<id>', 'the organization')
    .requiredOption('--slug <slug>', 'its slug, typed again')
    .action(async (id: string, options: Change & { slug: string }, command: Command) => {
      const { api, output } = contextOf(command);
      if (isRehearsal(options, output, `delete the organization ${options.slug}`)) return;
      requireConfirmation(options, `delete the organization ${options.slug}`);
      await api.change(
        `mutation ($input: OrganizationDeleteInput!) { organizationDelete(input: $input) {
           userErrors { message field } } }`,
        'organizationDelete',
        { id, confirmSlug: options.slug },
      );
      output.rows([{ id, status: 'DELETED' }], ['id', 'status']);
    });
}

export function addOrganizationCommands(program: Command): void {
  const group = program.command('org').description('organizations');
  addReading(group);
  addCreation(group);
  addChanges(group);
}
