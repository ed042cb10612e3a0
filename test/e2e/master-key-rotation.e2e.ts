import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startDemoProvider } from '@weir/demo-provider/demo-provider';
import { createBootstrap } from '@weir/identity/bootstrap';
import { configSchema as identitySchema } from '@weir/identity/config';
import { totpBinding } from '@weir/identity/modules/second-factors/second-factors';
import { rewrapAll } from '@weir/identity/vault/rewrap';
import { start as startIdentity } from '@weir/identity/start';
import { systemClock } from '@weir/kernel/clock';
import { createDatabase } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { configSchema as proxySchema } from '@weir/router-proxy/config';
import { start as startProxy } from '@weir/router-proxy/start';
import { loadConfig } from '@weir/service/config';
import { createLogger } from '@weir/service/logger';
import { createPool } from '@weir/service/postgres';
import { sealSecret } from '@weir/service/vault';
import { createTestDatabase } from '@weir/testkit/postgres';
import { testRedisUrl } from '@weir/testkit/redis';
import { until } from './src/until.ts';

const redisUrl = testRedisUrl();
const ANY_PORT = { IDENTITY_PORT: '0', IDENTITY_ADMIN_PORT: '0', PROXY_PORT: '0', PROXY_ADMIN_PORT: '0' };
const log = createLogger({ service: 'rotation', level: 'silent' });

it.runIf(redisUrl !== undefined)(
  'a new master key takes over while requests run, and none of them fails',
  async () => {
    await using stack = new AsyncDisposableStack();
    const database = stack.adopt(await createTestDatabase(), (created) => created.drop());
    const home = stack.adopt(mkdtempSync(join(tmpdir(), 'weir-rotation-')), (folder) => {
      rmSync(folder, { recursive: true, force: true });
    });
    const provider = stack.adopt(
      await startDemoProvider({ apiKeys: ['sk-demo-provider-of-the-rotation'] }),
      (started) => started.stop(),
    );
    const pool = stack.adopt(
      createPool({ url: database.url, applicationName: 'rotation', max: 2, log }),
      (opened) => opened.end(),
    );
    const db = stack.adopt(createDatabase({ url: database.url, role: 'weir_identity', max: 2 }), (opened) =>
      opened.$disconnect(),
    );
    const [former, next] = [randomBytes(32), randomBytes(32)];
    const environmentOf = (current: Buffer, previous: readonly Buffer[]) => ({
      ...ANY_PORT,
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl ?? '',
      REDIS_PREFIX: home,
      WEIR_HOME: home,
      WEIR_INTERNAL_SECRET: 'the secret of this rotation, long enough',
      WEIR_MASTER_KEY: current.toString('base64'),
      WEIR_MASTER_KEY_PREVIOUS: previous.map((key) => key.toString('base64')).join(', '),
      WEIR_PRIVATE_PROVIDERS: '127.0.0.0/8',
      PROXY_GRACE: '5s',
    });

    async function organizationWithKey(masterKey: Buffer, slug: string): Promise<string> {
      const bootstrap = await createBootstrap({ db, masterKey, clock: systemClock });
      const owner = { email: `${slug}@example.org`, password: 'a password of some length', displayName: 'O' };
      const created = await bootstrap.createOrganization({ name: slug, slug, timeZone: 'UTC', owner });
      if (!created.ok) throw new Error(created.error);
      const { organizationId, rootAccountId: accountId, userId } = created.value;
      const { ciphertext, nonce } = sealSecret('GEZDGNBVGY3TQOJQ', masterKey, totpBinding(userId, 1));
      await withTenant(db, { userId }, (tx) =>
        tx.totpFactor.createMany({ data: [{ userId, ciphertext, nonce }] }),
      );
      await bootstrap.putModel({ name: 'demo-small', contextTokens: 1_000, maxOutputTokens: 100 });
      await bootstrap.putProviderKey({
        organizationId,
        name: 'demo',
        provider: 'openai',
        baseUrl: `${provider.url}/v1`,
        secret: 'sk-demo-provider-of-the-rotation',
      });
      const key = { organizationId, accountId, name: 'load', scopes: ['inference:write'] as const };
      return (await bootstrap.addApiKey(key)).secret;
    }

    const proxy = async (environment: Record<string, string>) => {
      const running = await startProxy(loadConfig(proxySchema, environment), { log });
      return {
        url: `http://127.0.0.1:${running.ports.http}/v1/chat/completions`,
        stop: () => running.stop(),
      };
    };
    /** Signing keys are opened when it starts. */
    const identity = async (environment: Record<string, string>) =>
      startIdentity(loadConfig(identitySchema, environment), { log });

    const apiKeys: string[] = [];
    // One after the other: they share the model, which two cannot register at the same moment.
    for (const slug of ['a', 'b', 'c']) apiKeys.push(await organizationWithKey(former, slug));
    await (await identity(environmentOf(former, []))).stop();
    let fleet = [await proxy(environmentOf(former, [])), await proxy(environmentOf(former, []))];
    stack.defer(async () => {
      await Promise.all(fleet.map(({ stop }) => stop()));
    });

    const failures: string[] = [];
    let served = 0;
    let isOver = false;
    const client = async (apiKey: string, place: number): Promise<void> => {
      while (!isOver) {
        const answer = await fetch(fleet[place % fleet.length]?.url ?? '', {
          method: 'POST',
          headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'demo-small', messages: [{ role: 'user', content: 'Hello' }] }),
        });
        const text = await answer.text();
        if (answer.status === 200) served += 1;
        else failures.push(`${answer.status} ${text}`);
      }
    };
    const load = Promise.all(apiKeys.flatMap((apiKey) => [0, 1].map((place) => client(apiKey, place))));
    const keepsServing = async (): Promise<void> => {
      const before = served;
      await until('more requests', () => served >= before + 30 || failures.length > 0 || undefined);
    };

    /** New proxies take the load over before the ones before them stop. */
    async function roll(environment: Record<string, string>): Promise<void> {
      const retired = fleet;
      fleet = [await proxy(environment), await proxy(environment)];
      await keepsServing();
      await Promise.all(retired.map(({ stop }) => stop()));
    }

    await keepsServing();
    await roll(environmentOf(next, [former]));
    await (await identity(environmentOf(next, [former]))).stop();
    apiKeys.push(await organizationWithKey(next, 'made-in-between'));
    expect(await rewrapAll(pool, [next, former])).toEqual([
      { name: 'owner keys', rewrapped: 3, current: 1, unopened: 0 },
      { name: 'signing keys', rewrapped: 1, current: 0, unopened: 0 },
      { name: 'mails', rewrapped: 0, current: 0, unopened: 0 },
      { name: 'OpenID providers', rewrapped: 0, current: 0, unopened: 0 },
      { name: 'authenticator apps', rewrapped: 3, current: 1, unopened: 0 },
    ]);
    await keepsServing();
    await roll(environmentOf(next, []));
    await (await identity(environmentOf(next, []))).stop();
    isOver = true;
    await load;
    expect(failures).toEqual([]);

    // Begun anew it finds nothing to do; without the key that sealed them it says which do not open.
    expect(await rewrapAll(pool, [next, former])).toMatchObject([
      { rewrapped: 0, current: 4 },
      { rewrapped: 0, current: 1 },
      { rewrapped: 0, current: 0 },
      { rewrapped: 0, current: 0 },
      { rewrapped: 0, current: 4 },
    ]);
    expect(await rewrapAll(pool, [randomBytes(32)])).toMatchObject([
      { unopened: 4 },
      { unopened: 1 },
      { unopened: 0 },
      { unopened: 0 },
      { unopened: 4 },
    ]);
    await expect(identity(environmentOf(former, []))).rejects.toThrow('does not open');
  },
);
