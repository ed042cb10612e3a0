import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import type { MasterKey } from '@weir/service/vault';
import { addAccount, type AccountAddition } from './bootstrap/add-account.ts';
import { addApiKey, type AddedApiKey, type ApiKeyAddition } from './bootstrap/add-api-key.ts';
import {
  breakGlass,
  type BreakGlass,
  type BreakGlassProblem,
  type BrokenGlass,
} from './bootstrap/break-glass.ts';
import {
  createOrganization,
  findOrganization,
  type CreatedOrganization,
  type OrganizationCreation,
  type OrganizationProblem,
} from './bootstrap/create-organization.ts';
import {
  createSystemAdmin,
  type CreatedSystemAdmin,
  type SystemAdminCreation,
} from './bootstrap/create-system-admin.ts';
import { putModel, type ModelDefinition } from './bootstrap/put-model.ts';
import { createRecoveryTokens, type NewRecoveryToken } from './bootstrap/recovery-tokens.ts';
import { putProviderKey, type ProviderKeyDefinition } from './bootstrap/put-provider-key.ts';
import { createPasswords, type Passwords } from './modules/users/password.ts';

export interface BootstrapDeps {
  /** With the role `weir_identity`. */
  readonly db: Database;
  readonly masterKey: MasterKey;
  readonly clock: Clock;
}

export interface BootstrapContext extends BootstrapDeps {
  readonly passwords: Passwords;
}

/** What sets a platform up before anybody can sign in. It asks nobody for permission, so no request may reach it. */
export interface Bootstrap {
  /** The organization that somebody joined first, by their e-mail address. */
  findOrganization(email: string): Promise<CreatedOrganization | undefined>;
  /** Organization, root account, the owner's encryption key and the first Owner: all of it or nothing. */
  createOrganization(
    creation: OrganizationCreation,
  ): Promise<Result<CreatedOrganization, OrganizationProblem>>;
  /** The first person who may operate the platform, or one more. */
  createSystemAdmin(creation: SystemAdminCreation): Promise<Result<CreatedSystemAdmin, 'INVALID_EMAIL'>>;
  systemAdminCount(): Promise<number>;
  /** One for each keeper, in place of the one that they had. */
  createRecoveryTokens(keepers: readonly string[]): Promise<readonly NewRecoveryToken[]>;
  /** The way back in for a system administrator, with the recovery tokens of two keepers. */
  breakGlass(request: BreakGlass): Promise<Result<BrokenGlass, BreakGlassProblem>>;
  addAccount(addition: AccountAddition): Promise<Uuid>;
  /** With a given secret it changes nothing when the key is there already. */
  addApiKey(addition: ApiKeyAddition): Promise<AddedApiKey>;
  /** Adds a provider key or replaces the organization's key of that name, which keeps its id. */
  putProviderKey(definition: ProviderKeyDefinition): Promise<Uuid>;
  /** Adds a model for everybody or changes the one of that name, which keeps its id. */
  putModel(definition: ModelDefinition): Promise<Uuid>;
}

export async function createBootstrap(deps: BootstrapDeps): Promise<Bootstrap> {
  const context: BootstrapContext = { ...deps, passwords: await createPasswords() };
  return {
    findOrganization: (email) => findOrganization(context, email),
    createOrganization: (creation) => createOrganization(context, creation),
    createSystemAdmin: (creation) => createSystemAdmin(context, creation),
    async systemAdminCount() {
      const [row] = await deps.db.$queryRaw<{ count: number }[]>`
        select identity.system_admin_count() as count`;
      return row?.count ?? 0;
    },
    createRecoveryTokens: (keepers) => createRecoveryTokens(context, keepers),
    breakGlass: (request) => breakGlass(context, request),
    addAccount: (addition) => addAccount(context, addition),
    addApiKey: (addition) => addApiKey(context, addition),
    putProviderKey: (definition) => putProviderKey(context, definition),
    putModel: (definition) => putModel(context, definition),
  };
}
