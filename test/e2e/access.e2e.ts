import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { openAccessApi, type AccessApi } from './src/access.ts';
import { signIn, type Session } from './src/graphql.ts';
import { chat, type ChatOptions } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

describe.each(modes())('what is changed through the API on the %s platform', (mode) => {
  let platform: Platform;
  let session: Session;
  let api: AccessApi;
  beforeAll(async () => {
    platform = await startPlatform(mode);
    session = await signIn(platform.access);
    api = await openAccessApi(session, platform.access.organizationId);
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  /** The code of a refusal, or the model that answered. */
  async function outcome(url: string, apiKey: string, options: ChatOptions = {}): Promise<string> {
    const answer = await chat(platform.access, { ...options, url, apiKey, maxTokens: 4 });
    const body = (await answer.json()) as { code?: string; model?: string };
    return body.code ?? body.model ?? '';
  }

  /** Waits until every proxy answers so; the change has to be known everywhere. */
  async function everywhere(apiKey: string, expected: string, options: ChatOptions = {}): Promise<void> {
    for (const url of platform.access.inferenceUrls) {
      await until(`${expected} at ${url}`, async () =>
        (await outcome(url, apiKey, options)) === expected ? true : undefined,
      );
    }
  }

  it('lists of a key bind its next request, and are lifted again', async () => {
    const { apiKeyId: id, secret } = await api.newTeam();
    await everywhere(secret, 'demo-small');
    const steps: [object, string][] = [
      [{ allowModels: { set: ['demo-large'] } }, 'MODEL_NOT_ALLOWED'],
      [{ allowModels: { apply: 'demo-small' } }, 'demo-small'],
      [{ allowModels: { apply: '-*' } }, 'MODEL_NOT_ALLOWED'],
      [{ allowModels: { apply: '*' }, resources: { set: ['/v1/embeddings'] } }, 'PATH_NOT_ALLOWED'],
      [{ resources: null, allowIps: { set: ['198.51.100.0/24'] } }, 'IP_NOT_ALLOWED'],
      [{ allowIps: { apply: '127.0.0.0/8, ::1' } }, 'demo-small'],
    ];
    for (const [access, expected] of steps) {
      await api.change('apiKeyUpdate', { id, access });
      await everywhere(secret, expected);
    }
  });

  it('an account that narrows later binds the keys below it at once, whatever their own lists say', async () => {
    const { accountId, secret } = await api.newTeam({}, { access: { allowModels: { set: ['demo-small'] } } });
    await everywhere(secret, 'demo-small');
    await api.change('accountUpdate', { id: accountId, access: { allowModels: { set: ['demo-large'] } } });
    await everywhere(secret, 'MODEL_NOT_ALLOWED');
  });

  it('limits of a key, of its account and of a model bind its next request, and are cleared again', async () => {
    const limits = { requestsPerMinute: 0 };
    const modelLimits = [{ pattern: 'demo-*', limits }];
    const { accountId } = await api.newTeam();
    for (const mutation of ['apiKeyUpdate', 'accountUpdate']) {
      for (const change of [{ limits }, { modelLimits }]) {
        const key = await api.change('apiKeyCreate', {
          organizationId: platform.access.organizationId,
          accountId,
          name: 'fresh',
        });
        const secret = key['secret'] as string;
        const target = mutation === 'apiKeyUpdate' ? (key['apiKey'] as { id: string }).id : accountId;
        await everywhere(secret, 'demo-small');
        await api.change(mutation, { id: target, ...change });
        await everywhere(secret, 'RATE_LIMITED');
        await api.change(mutation, { id: target, limits: null, modelLimits: null });
        await everywhere(secret, 'demo-small');
      }
    }
  });

  it('limits of the organization bind everything', async () => {
    const { secret } = await api.newTeam();
    const id = platform.access.organizationId;
    await api.change('organizationUpdate', { id, limits: { concurrency: 0 } });
    await everywhere(secret, 'CONCURRENCY_LIMITED');
    await api.change('organizationUpdate', { id, limits: { concurrency: null } });
    await everywhere(secret, 'demo-small');
  });

  it('mappings decide which model serves the next request, as a list and as text', async () => {
    const { accountId: id, secret } = await api.newTeam();
    await everywhere(secret, 'MODEL_NOT_FOUND', { model: 'fast' });
    await api.change('accountUpdate', {
      id,
      routing: { modelMapper: { text: 'fast=demo-small, o*=demo-large' } },
    });
    await everywhere(secret, 'demo-small', { model: 'fast' });
    await everywhere(secret, 'demo-large', { model: 'o3' });
    const rules = [{ pattern: 'fast', target: 'demo-large' }];
    await api.change('accountUpdate', { id, routing: { modelMapper: { rules } } });
    await everywhere(secret, 'demo-large', { model: 'fast' });
    await api.change('accountUpdate', { id, routing: { levelMapper: { text: '*=7' } } });
    await everywhere(secret, 'NO_PROVIDER_KEY', { model: 'fast' });
    await api.change('accountUpdate', { id, routing: { gear: 1, switchOver: { text: '7=1' } } });
    await everywhere(secret, 'demo-large', { model: 'fast' });
  });

  it('a suspended account is refused with its running streams, and serves again once it is active', async () => {
    const { accountId: id, secret } = await api.newTeam();
    const answer = await chat(platform.access, {
      apiKey: secret,
      prompt: 'Hello! #chunks=4000 #delay=25',
      maxTokens: 4_000,
      stream: true,
    });
    const rest = answer.text();
    await api.change('accountSuspend', { id });
    await everywhere(secret, 'ACCOUNT_SUSPENDED');
    expect(await rest).toContain('ACCOUNT_SUSPENDED');
    await api.change('accountActivate', { id });
    await everywhere(secret, 'demo-small');
  });

  it('a rotated key and its successor both serve, until the overlap ends', async () => {
    const { apiKeyId, secret } = await api.newTeam();
    const rotated = await api.change('apiKeyRotate', { id: apiKeyId, overlapSeconds: 3_600 });
    const successor = rotated['secret'] as string;
    await everywhere(successor, 'demo-small');
    await everywhere(secret, 'demo-small');
    await api.change('apiKeyRevoke', { id: apiKeyId });
    await everywhere(secret, 'API_KEY_REVOKED');
    await everywhere(successor, 'demo-small');
    const again = await api.change('apiKeyRotate', {
      id: (rotated['apiKey'] as { id: string }).id,
      overlapSeconds: 0,
    });
    await everywhere(successor, 'API_KEY_EXPIRED');
    await everywhere(again['secret'] as string, 'demo-small');
  });

  it('a key that demands signatures serves signed requests only', async () => {
    const { apiKeyId: id, secret } = await api.newTeam();
    const made = await api.change('apiKeySigningSecretCreate', { id, requireSignature: true });
    await everywhere(secret, 'INVALID_SIGNATURE');
    const body = JSON.stringify({ model: 'demo-small', messages: [{ role: 'user', content: 'Signed' }] });
    const send = async (url: string, timestamp: number, sent: string) => {
      const signature = createHmac('sha256', made['signingSecret'] as string)
        .update(`${String(timestamp)}.${body}`)
        .digest('hex');
      const answer = await fetch(`${url}/chat/completions`, {
        method: 'POST',
        headers: {
          'x-api-key': secret,
          'content-type': 'application/json',
          'x-hmac-timestamp': String(timestamp),
          'x-hmac-signature': signature,
        },
        body: sent,
      });
      return answer.status;
    };
    const now = Math.floor(Date.now() / 1_000);
    for (const url of platform.access.inferenceUrls) {
      expect(await send(url, now, body)).toBe(200);
      expect(await send(url, now, body.replace('Signed', 'Forged'))).toBe(401);
      expect(await send(url, now - 400, body)).toBe(401);
    }
    await api.change('apiKeySigningSecretRemove', { id });
    await everywhere(secret, 'demo-small');
  });

  it('a key that is about to expire says so in answers, in the list and to who watches; its use is told, too', async () => {
    const organizationId = platform.access.organizationId;
    const expiresAt = new Date(Date.now() + 2 * 86_400_000).toISOString();
    const { apiKeyId, secret } = await api.newTeam({}, { expiresAt });
    const served = await chat(platform.access, { apiKey: secret, maxTokens: 4 });
    const refused = await chat(platform.access, { apiKey: secret, model: 'no-such-model' });
    expect([served, refused].map(({ headers }) => headers.get('x-weir-key-expires'))).toEqual([
      expiresAt,
      expiresAt,
    ]);
    expect((await chat(platform.access)).headers.get('x-weir-key-expires')).toBeNull();

    const { organization } = await session.ask<{ organization: { expiringApiKeys: { id: string }[] } }>(
      'query ($id: ID!) { organization(id: $id) { expiringApiKeys { id } } }',
      { id: organizationId },
    );
    expect(organization.expiringApiKeys.map(({ id }) => id)).toContain(apiKeyId);

    const told: { id: string; account: { name: string } }[] = [];
    const client = session.socket();
    client.subscribe<{ apiKeyExpiring: (typeof told)[number] }>(
      {
        query: 'subscription ($id: ID!) { apiKeyExpiring(organizationId: $id) { id account { name } } }',
        variables: { id: organizationId },
      },
      {
        next: ({ data }) => data && told.push(data.apiKeyExpiring),
        error: () => undefined,
        complete: () => undefined,
      },
    );
    const database = new pg.Client({ connectionString: platform.databaseUrl });
    await database.connect();
    try {
      const event = await until('the notice', async () => {
        // The job of the service looks every few minutes; until the subscription stands, nobody hears it.
        await api.change('apiKeyUpdate', { id: apiKeyId, expiresAt });
        await database.query("select identity.tell_expiring_keys(now(), now() + interval '7 days', 500)");
        return told.find(({ id }) => id === apiKeyId);
      });
      expect(event.account.name).toBe('Team');
      const lastUsedAt = await until('its use', async () => {
        const { organization: seen } = await session.ask<{
          organization: { expiringApiKeys: { id: string; lastUsedAt: string | null }[] };
        }>('query ($id: ID!) { organization(id: $id) { expiringApiKeys { id lastUsedAt } } }', {
          id: organizationId,
        });
        return seen.expiringApiKeys.find(({ id }) => id === apiKeyId)?.lastUsedAt ?? undefined;
      });
      expect(Date.parse(lastUsedAt)).toBeLessThanOrEqual(Date.now());
    } finally {
      await client.dispose();
      await database.end();
    }
  });
});
