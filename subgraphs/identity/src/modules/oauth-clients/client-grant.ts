import { timingSafeEqual } from 'node:crypto';
import type { Authenticated } from '@weir/contracts/internal-identity';
import {
  OAUTH_SCOPES,
  type OAuthIntrospection,
  type OAuthRevocation,
  type OAuthScope,
  type OAuthTokenAnswer,
  type OAuthTokenRequest,
  type OAuthTokenUse,
} from '@weir/contracts/oauth-token';
import { permissionsOfScopes } from '@weir/contracts/permission-matrix';
import { AppError } from '@weir/kernel/errors';
import { decodeId, encodeId, type Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { OneTimeTokens } from '../one-time-tokens/one-time-tokens.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { admitsApiKeys } from '../organizations/organization.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import { CLIENT_TOKEN_LIFE_SECONDS, type ClientTokens, type SignedClientToken } from './client-token.ts';
import { createOAuthClientStore } from './oauth-client-store.ts';
import { hashOfClientSecret, type OAuthClient } from './oauth-client.ts';

/** The client credentials grant of RFC 6749 §4.4, and what its tokens stand for. */
export interface ClientGrant {
  /** @throws AppError RATE_LIMITED for a network address with too many failures. */
  token(request: OAuthTokenRequest): Promise<OAuthTokenAnswer>;
  /** @throws AppError UNAUTHENTICATED for a token that is not valid, or whose client was revoked or has another secret. */
  authenticate(token: string): Promise<Authenticated>;
  /**
   * RFC 7662: what a token of the asking client is good for. Of any other token it says that it is not active.
   * @throws AppError RATE_LIMITED for a network address with too many failures.
   */
  introspect(request: OAuthTokenUse): Promise<OAuthIntrospection>;
  /**
   * RFC 7009: ends a token of the asking client, and does nothing with any other.
   * @throws AppError RATE_LIMITED for a network address with too many failures.
   */
  revoke(request: OAuthTokenUse): Promise<OAuthRevocation>;
}

export interface ClientGrantDeps {
  readonly db: Database;
  readonly clientTokens: ClientTokens;
  /** Remembers revoked tokens, which live no longer than those that are used once. */
  readonly spentTokens: Pick<OneTimeTokens, 'spend' | 'isSpent'>;
  readonly rateLimits: RateLimits;
}

const NOBODYS_HASH = Buffer.alloc(32);
const INVALID_CLIENT = { error: 'invalid_client', error_description: 'The client id and the secret do not belong together.' } as const; // prettier-ignore
const INVALID_SCOPE = { error: 'invalid_scope', error_description: 'The client does not have one of these scopes.' } as const; // prettier-ignore

/** Under which name a revoked token is remembered. */
const revokedName = (tokenId: string): string => `client token ${tokenId}`;

/** A token that works, and what its client may still do with it. */
interface WorkingToken extends SignedClientToken {
  readonly client: OAuthClient;
  readonly scopes: readonly OAuthScope[];
}

export function createClientGrant(deps: ClientGrantDeps): ClientGrant {
  const { db, clientTokens, spentTokens, rateLimits } = deps;

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

  /** Who asks, by their own credentials; each failure counts towards those of its network address. */
  async function asking(request: Omit<OAuthTokenUse, 'token'>): Promise<OAuthClient | undefined> {
    const { clientId, clientSecret, ipAddress } = request;
    await rateLimits.check('failureFromIp', ipAddress);
    const client = await whoKnows(clientId, clientSecret);
    if (!client) await rateLimits.count('failureFromIp', ipAddress);
    return client;
  }

  /** @throws AppError UNAUTHENTICATED. */
  async function working(text: string): Promise<WorkingToken> {
    const token = await clientTokens.verify(text);
    const client = await workingClient(token.clientId);
    if (client?.secretVersion !== token.secretVersion) {
      throw new AppError(
        'UNAUTHENTICATED',
        'The client of this token was revoked, or has another secret now.',
      );
    }
    if (token.id !== undefined && (await spentTokens.isSpent(db, revokedName(token.id)))) {
      throw new AppError('UNAUTHENTICATED', 'This access token was revoked.');
    }
    return { ...token, client, scopes: token.scopes.filter((scope) => client.scopes.includes(scope)) };
  }

  /** A token that works and is the client's own; undefined for any other text. */
  async function workingTokenOf(client: OAuthClient, text: string): Promise<WorkingToken | undefined> {
    try {
      const token = await working(text);
      return token.clientId === client.id ? token : undefined;
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.code === 'UNAUTHENTICATED') return undefined;
      throw thrown;
    }
  }

  return {
    async token({ scope, ...request }) {
      const client = await asking(request);
      if (!client) return INVALID_CLIENT;
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
      const { client, scopes, expiresAtMs } = await working(text);
      return {
        actor: { type: 'client', clientId: client.id },
        organizationId: client.organizationId,
        permissions: [...permissionsOfScopes(scopes)],
        expiresAtMs,
      };
    },

    async introspect(request) {
      const client = await asking(request);
      if (!client) return INVALID_CLIENT;
      const token = await workingTokenOf(client, request.token);
      if (!token) return { active: false };
      const clientId = encodeId('oauthClient', client.id);
      return {
        active: true,
        client_id: clientId,
        sub: clientId,
        scope: token.scopes.join(' '),
        token_type: 'Bearer',
        exp: token.expiresAtMs / 1_000,
        iat: token.issuedAtMs / 1_000,
        iss: token.issuer,
      };
    },

    async revoke(request) {
      const client = await asking(request);
      if (!client) return INVALID_CLIENT;
      const token = await workingTokenOf(client, request.token);
      if (token?.id !== undefined) await spentTokens.spend(db, revokedName(token.id));
      return { done: true };
    },
  };
}
