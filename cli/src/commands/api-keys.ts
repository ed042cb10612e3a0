import type { Command } from 'commander';
import { confirmed, rehearsable } from '../changing-command.ts';
import { contextOf, everyPage, isRehearsal, parseNumber, requireConfirmation } from '../command-context.ts';
import type { Row } from '../output.ts';

interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly last4: string;
  readonly scopes: readonly string[];
  readonly status: string;
  readonly expiresAt: string | null;
  readonly createdAt: string;
}

const FIELDS = 'id name prefix last4 scopes status expiresAt createdAt';
const COLUMNS = ['id', 'name', 'key', 'scopes', 'status', 'expiresAt', 'createdAt'] as const;
const DAY_MS = 86_400_000;

function rowOf({ prefix, last4, scopes, ...key }: ApiKey): Row {
  return { ...key, key: `${prefix}…${last4}`, scopes: scopes.join(' ') };
}

const SHOWN_ONCE = 'The secret is shown this once. Keep it now.';

interface CreateOptions {
  readonly name: string;
  readonly org?: string;
  readonly account?: string;
  readonly scope?: readonly string[];
  readonly expiresInDays?: number;
  readonly dryRun: boolean;
}

const collect = (value: string, values: readonly string[] | undefined): readonly string[] => [
  ...(values ?? []),
  value,
];

export function addApiKeyCommands(program: Command): void {
  const group = program.command('apikey').description('API keys of an organization');

  group
    .command('list')
    .description('every key, never its secret')
    .option('--org <id>', 'the organization')
    .option('--limit <n>', 'how many at most', parseNumber(1, 100_000), 1_000)
    .action(async (options: { org?: string; limit: number }, command: Command) => {
      const { api, output, organizationId } = contextOf(command);
      const id = await organizationId(options.org);
      const keys = await everyPage<ApiKey>(async (after) => {
        const { organization } = await api.ask<{ organization: { apiKeys: never } }>(
          `query ($id: ID!, $after: String) { organization(id: $id) { apiKeys(first: 100, after: $after) {
             nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } } }`,
          { id, after },
        );
        return organization.apiKeys;
      }, options.limit);
      output.rows(keys.map(rowOf), COLUMNS);
    });

  rehearsable(group.command('create'))
    .description('a new key; its secret is shown once')
    .requiredOption('--name <name>', 'what people call it')
    .option('--org <id>', 'the organization')
    .option('--account <id>', 'the account; the root account unless told')
    .option('--scope <scope>', 'what it may be used for; can be repeated', collect)
    .option('--expires-in-days <n>', 'when it stops working', parseNumber(1, 3_650))
    .action(async (options: CreateOptions, command: Command) => {
      const { api, output, organizationId } = contextOf(command);
      const org = await organizationId(options.org);
      if (isRehearsal(options, output, `create the API key "${options.name}" in ${org}`)) return;
      const { expiresInDays: days } = options;
      const { apiKey, secret } = await api.change<{ apiKey: ApiKey; secret: string }>(
        `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) {
           apiKey { ${FIELDS} } secret userErrors { message field } } }`,
        'apiKeyCreate',
        {
          organizationId: org,
          name: options.name,
          ...(options.account !== undefined && { accountId: options.account }),
          ...(options.scope && { scopes: options.scope }),
          ...(days !== undefined && { expiresAt: new Date(Date.now() + days * DAY_MS).toISOString() }),
        },
      );
      output.rows([{ ...rowOf(apiKey), secret }], ['id', 'name', 'secret', 'scopes', 'expiresAt']);
      output.note(SHOWN_ONCE);
    });

  rehearsable(group.command('rotate'))
    .description('a successor with a new secret; the old key stays valid for a while')
    .argument('<id>', 'the key')
    .option('--overlap-seconds <n>', 'for how long; 0 ends it at once', parseNumber(0, 2_592_000), 86_400)
    .action(async (id: string, options: { overlapSeconds: number; dryRun: boolean }, command: Command) => {
      const { api, output } = contextOf(command);
      if (isRehearsal(options, output, `rotate the API key ${id}`)) return;
      const { apiKey, secret } = await api.change<{ apiKey: ApiKey; secret: string }>(
        `mutation ($input: ApiKeyRotateInput!) { apiKeyRotate(input: $input) {
           apiKey { ${FIELDS} } secret userErrors { message field } } }`,
        'apiKeyRotate',
        { id, overlapSeconds: options.overlapSeconds },
      );
      output.rows([{ ...rowOf(apiKey), secret }], ['id', 'name', 'secret', 'scopes', 'expiresAt']);
      output.note(SHOWN_ONCE);
    });

  confirmed(group.command('revoke'))
    .description('ends a key at once and for good')
    .argument('<id>', 'the key')
    .action(async (id: string, options: { confirm: boolean; dryRun: boolean }, command: Command) => {
      const { api, output } = contextOf(command);
      if (isRehearsal(options, output, `revoke the API key ${id}`)) return;
      requireConfirmation(options, `revoke the API key ${id} for good`);
      const { apiKey } = await api.change<{ apiKey: ApiKey }>(
        `mutation ($input: ApiKeyRevokeInput!) { apiKeyRevoke(input: $input) {
           apiKey { ${FIELDS} } userErrors { message field } } }`,
        'apiKeyRevoke',
        { id },
      );
      output.rows([rowOf(apiKey)], COLUMNS);
    });
}
