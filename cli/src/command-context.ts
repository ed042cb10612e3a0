import { InvalidArgumentError, type Command } from 'commander';
import { usageError } from './cli-error.ts';
import { readConfig, type Config } from './config.ts';
import { createGraphqlClient, type GraphqlClient } from './graphql-client.ts';
import { createOutput, FORMATS, type Format, type Output } from './output.ts';

/** The options that every command has. */
interface SharedOptions {
  readonly url?: string;
  readonly format: Format;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly timeout: number;
}

export interface CommandContext {
  readonly output: Output;
  readonly config: Config;
  readonly api: GraphqlClient;
  /** The organization that was named, or the one that the credential acts in. */
  organizationId(given: string | undefined): Promise<string>;
}

export function parseFormat(text: string): Format {
  const format = FORMATS.find((known) => known === text);
  if (format === undefined) throw new InvalidArgumentError(`Choose one of ${FORMATS.join(', ')}.`);
  return format;
}

export function parseBoolean(text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new InvalidArgumentError('Say true or false.');
}

export function parseNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() === '' || !Number.isInteger(number) || number < min || number > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    }
    return number;
  };
}

export function contextOf(command: Command): CommandContext {
  const shared = command.optsWithGlobals<SharedOptions>();
  const config = readConfig();
  const output = createOutput(shared);
  const api = createGraphqlClient({
    url: shared.url ?? config.url,
    apiKey: config.apiKey,
    token: config.token,
    deadlineMs: shared.timeout * 1_000,
    output,
  });
  return {
    output,
    config,
    api,
    async organizationId(given) {
      if (given !== undefined) return given;
      const { viewer } = await api.ask<{ viewer: { organization: { id: string } | null } | null }>(
        '{ viewer { organization { id } } }',
      );
      const id = viewer?.organization?.id;
      if (id === undefined) throw usageError('Name the organization with --org.');
      return id;
    },
  };
}

interface Changing {
  readonly dryRun: boolean;
  readonly confirm?: boolean;
}

/** True when it is only to be said what would be done; it is said then. */
export function isRehearsal({ dryRun }: Changing, output: Output, what: string): boolean {
  if (dryRun) output.note(`Would ${what}. Nothing was changed.`);
  return dryRun;
}

/** @throws CliError of usage unless --confirm was given. */
export function requireConfirmation({ confirm }: Changing, what: string): void {
  if (confirm !== true) throw usageError(`This will ${what}. Add --confirm to do it.`);
}

/** Every page of a connection. */
export async function everyPage<Node>(
  page: (after: string | null) => Promise<{
    readonly nodes: readonly Node[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  }>,
  max: number,
): Promise<readonly Node[]> {
  const nodes: Node[] = [];
  for (let after: string | null = null, more = true; more && nodes.length < max;) {
    const { nodes: found, pageInfo } = await page(after);
    nodes.push(...found);
    after = pageInfo.endCursor;
    more = pageInfo.hasNextPage;
  }
  return nodes.slice(0, max);
}
