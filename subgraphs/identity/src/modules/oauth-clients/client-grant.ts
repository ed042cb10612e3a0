import { timingSafeEqual } from 'node:crypto';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { OAUTH_SCOPES, type OAuthTokenAnswer, type OAuthTokenRequest } from '@weir/contracts/oauth-token';
import { permissionsOfScopes } from '@weir/contracts/permission-matrix';
import { AppError } from '@weir/kernel/errors';
import { decodeId, type Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { admitsApiKeys } from '../organizations/organization.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import { CLIENT_TOKEN_LIFE_SECONDS, type ClientTokens } from './client-token.ts';
import { createOAuthClientStore } from './oauth-client-store.ts';
import { hashOfClientSecret, type OAuthClient } from './oauth-client.ts';

/** The client credentials grant of RFC 6749 §4.4, and what its tokens stand for. */
export interface ClientGrant {
  /** @throws AppError RATE_LIMITED for a network address with too many failures. */
  token(request: OAuthTokenRequest): Promise<OAuthTokenAnswer>;
  /** @throws AppError UNAUTHENTICATED for a token that is not valid, or whose client was revoked or has another secret. */
  authenticate(token: string): Promise<Authenticated>;
}

export interface ClientGrantDeps {
  readonly db: Database;
  readonly clientTokens: ClientTokens;
  readonly rateLimits: RateLimits;
}

const NOBODYS_HASH = Buffer.alloc(32);
const INVALID_CLIENT = { error: 'invalid_client', error_description: 'The client id and the secret do not belong together.' } as const; // prettier-ignore
const INVALID_SCOPE = { error: 'invalid_scope', error_description: 'The client does not have one of these scopes.' } as const; // prettier-ignore

export function createClientGrant({ db, clientTokens, rateLimits }: ClientGrantDeps): ClientGrant {
  /** A client that works, in an organization whose programs may act. */
  async function workingClient(id: Uuid): Promise<OAuthClient | undefined> {
    const client = await withTenant(db, { credential: id }, (tx) => createOAuthClientStore(tx).byId(id));
    if (!client || client.revokedAt !== null) return undefined;
    const { organizationId } = client;
    const [organization] = await withTenant(db, { organizationId }, (tx) =>
      createOrganizationStore(tx).byIds([organizationId]),
    );
    return organization && admitsApiKeys(organization) ? client : undefined;
  }

  async function whoKnows(clientId: string, secret: string): Promise<OAuthClient | undefined> {
    const id = decodeId('oauthClient', clientId);
    const hash =
      id === undefined
        ? undefined
        : await withTenant(db, { credential: id }, (tx) => createOAuthClientStore(tx).secretHashOf(id));
    const isRight = timingSafeEqual(hashOfClientSecret(secret), hash ?? NOBODYS_HASH);
    return isRight && id !== undefined ? workingClient(id) : undefined;
  }

  return {
    async token({ clientId, clientSecret, scope, ipAddress }) {
      await rateLimits.check('failureFromIp', ipAddress);
      const client = await whoKnows(clientId, clientSecret);
      if (!client) {
        await rateLimits.count('failureFromIp', ipAddress);
        return INVALID_CLIENT;
      }
      const wanted = scope?.split(' ').filter((part) => part !== '') ?? client.scopes;
      const scopes = OAUTH_SCOPES.filter((known) => client.scopes.includes(known) && wanted.includes(known));
      if (wanted.length === 0 || scopes.length < new Set(wanted).size) return INVALID_SCOPE;
      const { id, secretVersion } = client;
      return {
        access_token: await clientTokens.sign({ clientId: id, scopes, secretVersion }),
        token_type: 'Bearer',
        expires_in: CLIENT_TOKEN_LIFE_SECONDS,
        scope: scopes.join(' '),
      };
    },

    async authenticate(text) {
      const token = await clientTokens.verify(text);
      const client = await workingClient(token.clientId);
      if (client?.secretVersion !== token.secretVersion) {
        throw new AppError(
          'UNAUTHENTICATED',
          'The client of this token was revoked, or has another secret now.',
        );
      }
      const scopes = token.scopes.filter((scope) => client.scopes.includes(scope));
      return {
        actor: { type: 'client', clientId: client.id },
        organizationId: client.organizationId,
        permissions: [...permissionsOfScopes(scopes)],
        expiresAtMs: token.expiresAtMs,
      };
    },
  };
}
