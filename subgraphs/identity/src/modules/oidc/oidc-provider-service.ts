import type { AuditAction } from '@weir/contracts/audit';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { SystemRole } from '@weir/contracts/permission-matrix';
import { recordAudit } from '@weir/graphql/audit';
import { authorize, canSee, requireSignedIn } from '@weir/graphql/authorization';
import { authorizePlatform } from '@weir/graphql/platform-authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import type { OutboundGuard } from '@weir/service/outbound-guard';
import { sealSecret, type MasterKey } from '@weir/service/vault';
import type { OidcClients } from './oidc-client.ts';
import { createOidcProviderStore, type OidcSettings } from './oidc-provider-store.ts';
import { checkSettings } from './oidc-provider-rules.ts';
import { oidcSecretBinding, PROVIDERS_MAX, type OidcProblem, type OidcProvider } from './oidc-provider.ts';

export interface OidcCreation extends OidcSettings {
  /** Null for one of the platform. */
  readonly organizationId: Uuid | null;
  readonly clientSecret: string;
}

/** Absent members stay as they are. */
export interface OidcUpdate {
  readonly name?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly emailDomains?: readonly string[] | undefined;
  readonly createsPeople?: boolean | undefined;
  /** Null creates people without a membership. */
  readonly defaultRole?: SystemRole | null | undefined;
}

type Outcome<T> = Promise<Result<T, readonly OidcProblem[]>>;

/** Says through which providers people sign in. */
export interface OidcProviderService {
  /** Empty for an organization that is not the caller's. @throws AppError FORBIDDEN without the permission. */
  ofOrganization(identity: InternalIdentity, organizationId: Uuid): Promise<readonly OidcProvider[]>;
  /** Those of the platform, for anybody. */
  ofPlatform(): Promise<readonly OidcProvider[]>;
  create(identity: InternalIdentity, creation: OidcCreation): Outcome<OidcProvider>;
  /** The issuer never changes: who its subjects are here would mean somebody else there. */
  update(identity: InternalIdentity, id: Uuid, update: OidcUpdate): Outcome<OidcProvider>;
  remove(identity: InternalIdentity, id: Uuid): Outcome<Uuid>;
}

export interface OidcProviderServiceDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly guard: OutboundGuard;
  readonly clients: OidcClients;
}

const TOO_MANY = userError('TOO_MANY', `There are ${PROVIDERS_MAX} providers at most. Remove one first.`);
const NOT_FOUND = userError('NOT_FOUND', 'There is no sign-in provider with this id.', 'id');
const UNREACHABLE = userError('ISSUER_UNREACHABLE', 'The issuer does not answer as an OpenID provider of this very name.', 'issuer'); // prettier-ignore

export function createOidcProviderService(deps: OidcProviderServiceDeps): OidcProviderService {
  const { db, clock, masterKey, guard, clients } = deps;

  /** Only what the caller decides on is written: an organization's own, or the platform's. */
  function write<T>(organizationId: Uuid | null, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return withTenant(db, { organizationId }, async (tx) => {
      if (organizationId === null) await tx.$executeRaw`select set_config('app.platform', 'on', true)`;
      return work(tx);
    });
  }

  function mayWrite(identity: InternalIdentity, organizationId: Uuid | null): void {
    if (organizationId === null) authorizePlatform(identity, 'platformSignInProvider:write');
    else authorize(identity, 'signInProvider:write', { organizationId });
  }

  /** One that the caller may change; undefined for one that they do not see. */
  async function writable(identity: InternalIdentity, id: Uuid): Promise<OidcProvider | undefined> {
    requireSignedIn(identity);
    const { organizationId } = identity;
    const provider = await withTenant(db, { organizationId }, (tx) => createOidcProviderStore(tx).byId(id));
    if (provider) mayWrite(identity, provider.organizationId);
    return provider;
  }

  const audit = (tx: Transaction, identity: InternalIdentity, action: AuditAction, provider: OidcProvider) =>
    recordAudit(tx, identity, {
      organizationId: provider.organizationId,
      action,
      target: { type: 'oidcProvider', id: provider.id, name: provider.name },
      metadata: {
        issuer: provider.issuer,
        emailDomains: provider.emailDomains,
        createsPeople: provider.createsPeople,
      },
    });

  const seal = (id: Uuid, secret: string, version: number) =>
    sealSecret(secret, masterKey, oidcSecretBinding(id, version), version);

  /** Whether the issuer is there and says that it is the one. Asked before the transaction, which must not wait for others. */
  async function answers(provider: OidcProvider, secret: string): Promise<boolean> {
    const configuration = await clients.configurationOf(provider, secret).catch(() => undefined);
    return configuration !== undefined;
  }

  return {
    async ofOrganization(identity, organizationId) {
      if (!canSee(identity, 'signInProvider:read', { organizationId })) return [];
      return withTenant(db, { organizationId }, (tx) => createOidcProviderStore(tx).allOf(organizationId));
    },

    ofPlatform: () => withTenant(db, {}, (tx) => createOidcProviderStore(tx).allOf(null)),

    async create(identity, { organizationId, clientSecret, ...given }) {
      mayWrite(identity, organizationId);
      const checked = checkSettings(given, organizationId, clientSecret);
      const address = await guard.check(given.issuer);
      if (!checked.ok || !address.ok) {
        const problem = address.ok ? [] : [userError('INVALID_ISSUER' as const, address.error, 'issuer')];
        return err([...(checked.ok ? [] : checked.error), ...problem]);
      }
      const [id, now] = [newUuid(clock.now()), new Date(clock.now())];
      const provider = { ...checked.value, id, organizationId, createdAt: now, updatedAt: now };
      if (!(await answers(provider, clientSecret))) return err([UNREACHABLE]);
      return write(organizationId, async (tx) => {
        const store = createOidcProviderStore(tx);
        if ((await store.allOf(organizationId)).length >= PROVIDERS_MAX) return err([TOO_MANY]);
        await store.insert(provider, seal(id, clientSecret, 1));
        await audit(tx, identity, 'oidc.provider.create', provider);
        return ok((await store.byId(id)) ?? provider);
      });
    },

    async update(identity, id, { clientSecret, ...given }) {
      const found = await writable(identity, id);
      if (!found) return err([NOT_FOUND]);
      const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const checked = checkSettings({ ...found, ...changes }, found.organizationId, clientSecret);
      if (!checked.ok) return checked;
      return write(found.organizationId, async (tx) => {
        const store = createOidcProviderStore(tx);
        const sealed = await store.sealedSecretOf(id);
        if (!sealed) return err([NOT_FOUND]);
        const secret = clientSecret === undefined ? undefined : seal(id, clientSecret, sealed.version + 1);
        await store.update(id, checked.value, secret);
        const after = await store.byId(id);
        if (!after) return err([NOT_FOUND]);
        await audit(tx, identity, 'oidc.provider.update', after);
        return ok(after);
      });
    },

    async remove(identity, id) {
      const found = await writable(identity, id);
      if (!found) return err([NOT_FOUND]);
      return write(found.organizationId, async (tx) => {
        if (!(await createOidcProviderStore(tx).remove(id))) return err([NOT_FOUND]);
        await audit(tx, identity, 'oidc.provider.delete', found);
        return ok(id);
      });
    },
  };
}
