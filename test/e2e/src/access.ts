import type { Session } from './graphql.ts';

/** A team below the root and a key on it, made through the API. */
export interface TeamWithKey {
  readonly accountId: string;
  readonly apiKeyId: string;
  readonly secret: string;
}

/** Changes of accounts and keys through the API; rejects when the input breaks a rule. */
export interface AccessApi {
  readonly rootId: string;
  change(mutation: string, input: object): Promise<Readonly<Record<string, unknown>>>;
  newTeam(account?: object, apiKey?: object): Promise<TeamWithKey>;
}

interface Payload {
  readonly userErrors: readonly { readonly message: string }[];
  readonly account?: { readonly id: string };
  readonly apiKey?: { readonly id: string };
}

const SHOWN: Readonly<Record<string, string>> = {
  apiKeyCreate: 'secret apiKey { id }',
  apiKeyRotate: 'secret apiKey { id } replaced { expiresAt }',
  apiKeySigningSecretCreate: 'signingSecret',
  accountCreate: 'account { id }',
};

export async function openAccessApi(session: Session, organizationId: string): Promise<AccessApi> {
  const { organization } = await session.ask<{
    organization: { accounts: { nodes: { id: string; kind: string }[] } };
  }>('query ($id: ID!) { organization(id: $id) { accounts { nodes { id kind } } } }', { id: organizationId });
  const rootId = organization.accounts.nodes.find(({ kind }) => kind === 'OWNER')?.id ?? '';

  async function change(mutation: string, input: object) {
    const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
    const data = await session.ask<Record<string, Payload & Record<string, unknown>>>(
      `mutation ($input: ${type}) { ${mutation}(input: $input) { ${SHOWN[mutation] ?? ''} userErrors { code field message } } }`,
      { input },
    );
    const payload = data[mutation];
    if (!payload || payload.userErrors.length > 0) {
      throw new Error(`${mutation}: ${JSON.stringify(payload?.userErrors)}`);
    }
    return payload;
  }

  return {
    rootId,
    change,
    async newTeam(account = {}, apiKey = {}) {
      const team = await change('accountCreate', {
        parentId: rootId,
        kind: 'TEAM',
        name: 'Team',
        ...account,
      });
      const accountId = (team['account'] as { id: string }).id;
      const key = await change('apiKeyCreate', { organizationId, accountId, name: 'key', ...apiKey });
      return {
        accountId,
        apiKeyId: (key['apiKey'] as { id: string }).id,
        secret: key['secret'] as string,
      };
    },
  };
}
