import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId } from '@weir/kernel/ids';
import type { TestIdentity, TestOrganization } from '../../test-identity.ts';

const ACCOUNT = `
  id name kind status version tier rates parent { id }
  access { allowIps allowModels resources allowLevels }
  effectiveAccess { allowIps allowModels resources allowLevels }
  limits { requestsPerMinute tokensPerDay concurrency } modelLimits { pattern limits { requestsPerMinute tokensPerDay } }
  routing { level gear stickyRouting modelMapper { rules { pattern target } text } levelMapper { text } switchOver { text } modelFailover { text } }`;

export interface AccountPayload {
  readonly account: {
    readonly id: string;
    readonly version: number;
    readonly name: string;
    readonly access: unknown;
    readonly limits: unknown;
    readonly routing: unknown;
  };
  readonly userErrors: readonly { code: string; field: string[] | null; message: string }[];
}

/** Changes of accounts as a client makes them. */
export interface AccountTools {
  /** @throws Error with the code of a top-level error. */
  run(name: string, input: object, as?: Authenticated): Promise<AccountPayload>;
  /** A team below the root unless told otherwise; the public id. */
  create(input?: object, as?: Authenticated): Promise<string>;
  readonly rootId: string;
}

export function accountTools(
  identity: TestIdentity,
  organization: TestOrganization,
  owner: Authenticated,
): AccountTools {
  const rootId = encodeId('account', organization.rootAccountId);

  async function run(name: string, input: object, as = owner): Promise<AccountPayload> {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
    const answer = await identity.graphql(
      `mutation ($input: ${type}) { ${name}(input: $input) { account { ${ACCOUNT} } userErrors { code field message } } }`,
      { input },
      as,
    );
    if (answer.errors)
      throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
    return answer.data?.[name] as AccountPayload;
  }

  return {
    rootId,
    run,
    async create(input = {}, as = owner) {
      const { account, userErrors } = await run(
        'accountCreate',
        { parentId: rootId, kind: 'TEAM', name: 'Team', ...input },
        as,
      );
      if (userErrors.length > 0) throw new Error(`not created: ${JSON.stringify(userErrors)}`);
      return account.id;
    },
  };
}
