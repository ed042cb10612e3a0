import type { OrganizationSettings } from '../organization-settings/organization-settings.ts';
import type { Session } from './session.ts';

/** A session's last use is known to the minute, so that using it costs a write once a minute. */
export const USE_RESOLUTION_MS = 60_000;

type Ending = Pick<Session, 'lastUsedAt' | 'expiresAt'>;

/**
 * When a session is over unless it is used before: without a refresh, or idle for longer than its organization allows.
 * As the last use is known to the minute, an idle one ends up to a minute late and never early.
 */
export function endsAtMs(
  session: Ending,
  settings: Pick<OrganizationSettings, 'sessions'> | undefined,
): number {
  const idleMinutes = settings?.sessions.idleMinutes ?? null;
  const idleUntilMs =
    idleMinutes === null ? Infinity : session.lastUsedAt.getTime() + idleMinutes * 60_000 + USE_RESOLUTION_MS;
  return Math.min(session.expiresAt.getTime(), idleUntilMs);
}
