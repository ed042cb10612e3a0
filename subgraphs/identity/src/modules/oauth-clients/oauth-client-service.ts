import type { Action } from '@weir/contracts/actions';
import type { AuditAction } from '@weir/contracts/audit';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { OAuthScope } from '@weir/contracts/oauth-token';
import { permissionsOfScopes } from '@weir/contracts/permission-matrix';
import { recordAudit } from '@weir/graphql/audit';
import { authorize, canSee, requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import { createOAuthClientStore } from './oauth-client-store.ts';
import {
  CLIENTS_MAX,
  hashOfClientSecret,
  newClientSecret,
  type OAuthClient,
  type OAuthClientProblem,
} from './oauth-client.ts';

export interface OAuthClientCreation {
  readonly organizationId: Uuid;
  readonly name: string;
  readonly scopes: readonly OAuthScope[];
}

/** A client and the secret that nobody can read again. */
export interface ClientWithSecret {
  readonly client: OAuthClient;
  readonly clientSecret: string;
}

type Outcome<T> = Promise<Result<T, OAuthClientProblem>>;

/** Lets programs of third parties act in an organization. Only people decide that. */
export interface OAuthClientService {
  /** Those that work; empty for another organization. @throws AppError FORBIDDEN without the permission. */
  ofOrganization(identity: InternalIdentity, organizationId: Uuid): Promise<readonly OAuthClient[]>;
  /** The client that acts; null for everybody else. */
  ofViewer(identity: InternalIdentity): Promise<OAuthClient | null>;
  create(identity: InternalIdentity, creation: OAuthClientCreation): Outcome<ClientWithSecret>;
  /** The former secret, and every token that was given for it, is worthless at once. */
  rotateSecret(identity: InternalIdentity, id: Uuid): Outcome<ClientWithSecret>;
  revoke(identity: InternalIdentity, id: Uuid): Outcome<OAuthClient>;
}

const NOT_A_PERSON = userError('NOT_A_PERSON', 'Only people decide which programs may act: sign in as one.');
const INVALID_NAME = userError('INVALID_NAME', DISPLAY_NAME_RULE, 'name');
const INVALID_SCOPES = userError('INVALID_SCOPES', 'Give at least one scope.', 'scopes');
const ABOVE_YOU = userError('ABOVE_YOU', 'A program may not do what you may not do yourself.', 'scopes');
const TOO_MANY = userError(
  'TOO_MANY',
  `An organization has ${CLIENTS_MAX} clients at most. Revoke one first.`,
);
const NOT_FOUND = userError('NOT_FOUND', 'There is no client with this id, or it was revoked.', 'id');

export function createOAuthClientService({
  db,
  clock,
}: {
  readonly db: Database;
  readonly clock: Clock;
}): OAuthClientService {
  const audit = (tx: Transaction, by: InternalIdentity, action: AuditAction, client: OAuthClient) =>
    recordAudit(tx, by, {
      organizationId: client.organizationId,
      action,
      target: { type: 'oauthClient', id: client.id, name: client.name },
      metadata: { scopes: client.scopes },
    });

  /** For a client that works, in the organization that the caller acts in. */
  async function change<T>(
    identity: InternalIdentity,
    id: Uuid,
    action: Extract<Action, `oauthClient:${string}`>,
    work: (tx: Transaction, client: OAuthClient) => Promise<T>,
  ): Promise<Result<T, OAuthClientProblem>> {
    const actor = requireSignedIn(identity);
    const { organizationId } = identity;
    if (organizationId === null) return err(NOT_FOUND);
    authorize(identity, action, { organizationId });
    if (actor.type !== 'user') return err(NOT_A_PERSON);
    return withTenant(db, { organizationId }, async (tx) => {
      const client = await createOAuthClientStore(tx).byId(id);
      if (!client || client.revokedAt !== null) return err(NOT_FOUND);
      return ok(await work(tx, client));
    });
  }

  return {
    async ofOrganization(identity, organizationId) {
      if (!canSee(identity, 'oauthClient:read', { organizationId })) return [];
      return withTenant(db, { organizationId }, (tx) => createOAuthClientStore(tx).activeOf(organizationId));
    },

    async ofViewer({ actor, organizationId }) {
      if (actor.type !== 'client') return null;
      const { clientId } = actor;
      return (
        (await withTenant(db, { organizationId }, (tx) => createOAuthClientStore(tx).byId(clientId))) ?? null
      );
    },

    async create(identity, { organizationId, name: givenName, scopes }) {
      const actor = authorize(identity, 'oauthClient:create', { organizationId });
      if (actor.type !== 'user') return err(NOT_A_PERSON);
      const name = parseDisplayName(givenName);
      if (name === undefined) return err(INVALID_NAME);
      if (scopes.length === 0) return err(INVALID_SCOPES);
      if (permissionsOfScopes(scopes).some((permission) => !identity.permissions.includes(permission))) {
        return err(ABOVE_YOU);
      }
      const clientSecret = newClientSecret();
      const now = clock.now();
      const client = {
        id: newUuid(now),
        organizationId,
        name,
        scopes: [...new Set(scopes)],
        secretVersion: 1,
        createdBy: actor.userId,
        createdAt: new Date(now),
      };
      return withTenant(db, { organizationId }, async (tx) => {
        const store = createOAuthClientStore(tx);
        if ((await store.activeOf(organizationId)).length >= CLIENTS_MAX) return err(TOO_MANY);
        await store.insert(client, hashOfClientSecret(clientSecret));
        const created = { ...client, revokedAt: null };
        await audit(tx, identity, 'oauth.client.create', created);
        return ok({ client: created, clientSecret });
      });
    },

    rotateSecret: (identity, id) =>
      change(identity, id, 'oauthClient:rotate', async (tx, client) => {
        const clientSecret = newClientSecret();
        await createOAuthClientStore(tx).replaceSecret(id, hashOfClientSecret(clientSecret));
        await audit(tx, identity, 'oauth.client.rotate_secret', client);
        return { client: { ...client, secretVersion: client.secretVersion + 1 }, clientSecret };
      }),

    revoke: (identity, id) =>
      change(identity, id, 'oauthClient:revoke', async (tx, client) => {
        const revokedAt = new Date(clock.now());
        await createOAuthClientStore(tx).revoke(id, revokedAt);
        await audit(tx, identity, 'oauth.client.revoke', client);
        return { ...client, revokedAt };
      }),
  };
}
