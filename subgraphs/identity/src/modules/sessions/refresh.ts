import { recordAudit } from '@weir/graphql/audit';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { auditedAs, clientColumns, type Client } from './client.ts';
import { readSessionRecord } from './session-record.ts';
import { createSessionStore } from './session-store.ts';
import {
  hashOfRefreshToken,
  REFRESH_TOKEN_LIFE_MS,
  type RefreshTokenNames,
  type Session,
} from './session.ts';
import { standingOfSession } from './standing.ts';
import type { TokenSuccession } from './token-succession.ts';

/** A token that goes on with a session, and who it belongs to. */
export interface Refreshed extends RefreshTokenNames {
  readonly refreshToken: string;
}

export interface RefreshDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly succession: TokenSuccession;
}

/**
 * So long may the same client send an exchange again: two tabs that wake together, or an answer that got lost. It gets
 * the same successor; anybody else, and anybody later, is a sign that the token was copied.
 */
export const REPEAT_MS = 10_000;

function isRepeat(session: Session, presented: Buffer, client: Client, nowMs: number): boolean {
  const { previousTokenHash, rotatedAt } = session;
  if (previousTokenHash === null || rotatedAt === null || !previousTokenHash.equals(presented)) return false;
  const { ip, userAgent } = clientColumns(client);
  return nowMs < rotatedAt.getTime() + REPEAT_MS && session.ip === ip && session.userAgent === userAgent;
}

/**
 * Exchanges a session's newest refresh token for the next one. A token that was exchanged before ends the session,
 * and with it every token that ever came of it. Undefined when it is refused.
 */
export function createRefresh({ db, clock, succession }: RefreshDeps) {
  return async (token: string, names: RefreshTokenNames, client: Client): Promise<Refreshed | undefined> => {
    const nowMs = clock.now();
    return withTenant(db, { userId: names.userId }, async (tx) => {
      const sessions = createSessionStore(tx);
      await sessions.lock(names.sessionId);
      const record = await readSessionRecord(tx, names);
      if (!record || !standingOfSession(record, nowMs)) return undefined;
      const { session } = record;
      const presented = hashOfRefreshToken(token);
      const next = succession(token, names);
      const nextHash = hashOfRefreshToken(next);
      if (session.refreshTokenHash.equals(presented)) {
        await sessions.rotate(session.id, {
          refreshTokenHash: nextHash,
          previousTokenHash: presented,
          at: new Date(nowMs),
          expiresAt: new Date(nowMs + REFRESH_TOKEN_LIFE_MS),
          ...clientColumns(client),
        });
        return { ...names, refreshToken: next };
      }
      if (isRepeat(session, presented, client, nowMs) && session.refreshTokenHash.equals(nextHash)) {
        return { ...names, refreshToken: next };
      }
      await sessions.revoke(session.id, new Date(nowMs));
      await recordAudit(tx, auditedAs({ userId: session.userId, sessionId: session.id }, client), {
        organizationId: session.organizationId,
        action: 'auth.refresh.reuse',
        target: { type: 'session', id: session.id },
        result: 'DENIED',
      });
      return undefined;
    });
  };
}
