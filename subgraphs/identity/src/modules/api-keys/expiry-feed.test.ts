import { describe, expect, it } from 'vitest';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { newUuid } from '@weir/kernel/ids';
import { createLogger } from '@weir/service/logger';
import { anAccount, anApiKey } from '../../test-rows.ts';
import { dnaBelow } from '../accounts/account.ts';
import { createExpiryFeed, type ExpiringKey } from './expiry-feed.ts';

const NOW_MS = Date.UTC(2026, 4, 1);
const organizationId = newUuid();
const root = anAccount({ organizationId });
const team = anAccount({ organizationId, parentId: root.id, kind: 'TEAM', dna: dnaBelow(root) });
const keyOn = (account: typeof root): ExpiringKey => ({
  account,
  apiKey: anApiKey({ organizationId, accountId: account.id }),
});
const person = {
  type: 'user',
  userId: newUuid(),
  sessionId: newUuid(),
} as const satisfies InternalIdentity['actor'];

function aFeed(keys: readonly ExpiringKey[], missed: readonly ExpiringKey[] = []) {
  const asked: { organizationId: string; since: Date }[] = [];
  const feed = createExpiryFeed({
    clock: { now: () => NOW_MS },
    log: createLogger({ service: 'test', level: 'silent' }),
    source: {
      find: async (_, id) => keys.find(({ apiKey }) => apiKey.id === id),
      async toldSince(organization, since) {
        asked.push({ organizationId: organization, since });
        return missed;
      },
    },
  });
  const tell = (key: ExpiringKey) => feed.onExpiry({ organizationId, apiKeyId: key.apiKey.id });
  return { feed, tell, asked };
}

describe('who watches an organization', () => {
  it('is told of its keys, and whoever is bound to an account of the keys below it only', async () => {
    const [onRoot, onTeam] = [keyOn(root), keyOn(team)];
    const { feed, tell } = aFeed([onRoot, onTeam]);
    const everything = feed.subscribe(person, organizationId, undefined);
    const part = feed.subscribe(person, organizationId, team);
    await tell(onRoot);
    await tell(onTeam);
    expect((await everything.next()).value).toBe(onRoot.apiKey);
    expect((await everything.next()).value).toBe(onTeam.apiKey);
    expect((await part.next()).value).toBe(onTeam.apiKey);
  });

  it('is told of nothing of another organization', async () => {
    const key = keyOn(root);
    const { feed, tell } = aFeed([key]);
    const stranger = feed.subscribe(person, newUuid(), undefined);
    await tell(key);
    await stranger.return(undefined);
    expect(await stranger.next()).toEqual({ done: true, value: undefined });
  });

  it('is told what was missed while signals could not be heard, and not asked for otherwise', async () => {
    const key = keyOn(team);
    const { feed, asked } = aFeed([], [key]);
    const watcher = feed.subscribe(person, organizationId, undefined);
    await feed.onConnected();
    expect(asked).toEqual([]);
    feed.onDisconnected();
    await feed.onConnected();
    expect(asked).toEqual([{ organizationId, since: new Date(NOW_MS - 10_000) }]);
    expect((await watcher.next()).value).toBe(key.apiKey);
    await feed.onConnected();
    expect(asked).toHaveLength(1);
  });

  it('is ended with the session, and nobody else is', async () => {
    const { feed } = aFeed([]);
    const mine = feed.subscribe(person, organizationId, undefined);
    const machine = feed.subscribe(
      { type: 'apiKey', apiKeyId: newUuid(), accountId: root.id },
      organizationId,
      undefined,
    );
    feed.onSession({ sessionId: person.sessionId, userId: person.userId });
    await expect(mine.next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await machine.return(undefined);
  });
});
