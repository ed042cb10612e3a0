import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../organization-settings/organization-settings.ts';
import { endsAtMs, USE_RESOLUTION_MS } from './session-idleness.ts';

const session = { lastUsedAt: new Date(0), expiresAt: new Date(24 * 3_600_000) };
const idleAfter = (idleMinutes: number | null) => ({
  ...DEFAULT_SETTINGS,
  sessions: { idleMinutes, concurrentMax: null },
});

describe('a session', () => {
  it('ends with its refresh token where nobody says how long it may idle', () => {
    expect(endsAtMs(session, undefined)).toBe(24 * 3_600_000);
    expect(endsAtMs(session, idleAfter(null))).toBe(24 * 3_600_000);
  });

  it('ends after the idle time of its organization, not before and at most a minute later', () => {
    expect(endsAtMs(session, idleAfter(15))).toBe(15 * 60_000 + USE_RESOLUTION_MS);
    expect(endsAtMs(session, idleAfter(100_000))).toBe(24 * 3_600_000);
  });
});
