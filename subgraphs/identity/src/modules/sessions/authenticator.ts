import type { Authenticated, AuthenticateRequest, PresentedFrom } from '@weir/contracts/internal-identity';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { isWellFormedVirtualKey } from '@weir/kernel/virtual-key';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { hashOfSecret } from '../api-keys/api-key.ts';
import type { ClientGrant } from '../oauth-clients/client-grant.ts';
import { isClientToken } from '../oauth-clients/client-token.ts';
import type { AccessTokens } from './access-token.ts';
import type { OnRefusedKey } from './refused-key-audit.ts';
import { readApiKeyRecord, readSessionRecord } from './session-record.ts';
import { endsAtMs, USE_RESOLUTION_MS } from './session-idleness.ts';
import { createSessionStore } from './session-store.ts';
import type { Session } from './session.ts';
import { standingOfApiKey, standingOfSession, type SessionRecord } from './standing.ts';

/** Tells who presents a credential, from what the database says this very moment. */
export interface Authenticator {
  /** @throws AppError of status 401 saying why the credential is not accepted. */
  authenticate(request: AuthenticateRequest): Promise<Authenticated>;
}

export interface AuthenticatorDeps {
  readonly db: Database;
  readonly accessTokens: AccessTokens;
  readonly clientGrant: Pick<ClientGrant, 'authenticate'>;
  readonly clock: Clock;
  readonly onRefusedKey: OnRefusedKey;
}

async function noteUse(tx: Transaction, { id, lastUsedAt }: Session, nowMs: number): Promise<void> {
  if (nowMs < lastUsedAt.getTime() + USE_RESOLUTION_MS) return;
  await createSessionStore(tx).noteUse(id, new Date(nowMs), new Date(nowMs - USE_RESOLUTION_MS));
}

/** From where members may act in their organization; support is let in by its consent alone. */
function addressesOf({ session, organization }: SessionRecord): Pick<Authenticated, 'allowIps'> {
  const list = organization?.settings.signInAllowIps ?? null;
  return list === null || session.impersonationId !== null ? {} : { allowIps: [[...list]] };
}

export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { db, accessTokens, clientGrant, clock, onRefusedKey } = deps;

  async function byAccessToken(text: string, isUse: boolean): Promise<Authenticated> {
    if (isClientToken(text)) return clientGrant.authenticate(text);
    const token = await accessTokens.verify(text);
    const nowMs = clock.now();
    const found = await withTenant(db, { userId: token.userId }, async (tx) => {
      const record = await readSessionRecord(tx, token);
      const standing = record && standingOfSession(record, nowMs);
      if (!standing) return undefined;
      if (isUse) await noteUse(tx, record.session, nowMs);
      const session = isUse ? { ...record.session, lastUsedAt: new Date(nowMs) } : record.session;
      return {
        standing: { ...standing, ...addressesOf(record) },
        endsAtMs: endsAtMs(session, record.organization?.settings),
      };
    });
    if (!found) throw new AppError('UNAUTHENTICATED', 'The session has ended. Sign in again.');
    return { ...found.standing, expiresAtMs: Math.min(token.expiresAtMs, found.endsAtMs) };
  }

  async function byApiKey(secret: string, from: PresentedFrom | undefined): Promise<Authenticated> {
    const record = isWellFormedVirtualKey(secret)
      ? await readApiKeyRecord(db, hashOfSecret(secret))
      : undefined;
    if (!record)
      throw new AppError('INVALID_API_KEY', 'There is no such API key. Check that it was copied whole.');
    try {
      return standingOfApiKey(record, clock.now());
    } catch (thrown) {
      if (thrown instanceof AppError) onRefusedKey(record.apiKey, thrown.code, from);
      throw thrown;
    }
  }

  return {
    authenticate: (request) =>
      'apiKey' in request
        ? byApiKey(request.apiKey, request.from)
        : byAccessToken(request.accessToken, request.isWatching !== true),
  };
}
