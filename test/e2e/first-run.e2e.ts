import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { launch, newHome, startPlatform, type Platform } from './src/platform.ts';
import { descendants, listProcesses } from './src/processes.ts';
import { until } from './src/until.ts';

const ORGANIZATION = 'query ($id: ID!) { organization(id: $id) { name apiKeys { nodes { name } } } }';

describe('the one-command platform, seen by a newcomer', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform('embedded');
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  it('prints addresses, the demo sign-in, a key, a curl line and an SDK snippet, and ends with "weir is ready"', () => {
    const output = platform.output();
    for (const fact of [
      platform.access.inferenceUrl,
      platform.access.graphqlUrl,
      platform.access.email,
      platform.access.password,
      platform.access.apiKey,
      'curl ',
      "from 'openai'",
    ]) {
      expect(output).toContain(fact);
    }
    expect(output.trim().split('\n').at(-1)).toBe('weir is ready');
  });

  it('keeps the demo access readable by its owner alone', () => {
    expect(statSync(join(platform.home, 'demo.json')).mode & 0o077).toBe(0);
  });

  it('refuses a second copy on the same data in one sentence', async () => {
    const second = launch('main', { WEIR_HOME: platform.home });
    expect(await second.ended).not.toBe(0);
    expect(second.output()).toMatch(/already running on .*WEIR_HOME/s);
    expect((await chat(platform.access)).status).toBe(200);
  });

  it('stops on SIGTERM with exit code 0, leaves no process, and keeps all data for the next start', async () => {
    const session = await signIn(platform.access);
    await session.ask(
      `mutation ($id: ID!) { apiKeyCreate(input: { organizationId: $id, name: "kept", scopes: ["inference:write"] }) { userErrors { message } } }`,
      { id: platform.access.organizationId },
    );
    const children = descendants(platform.process.pid ?? 0).map(({ pid }) => pid);
    expect(children.length).toBeGreaterThan(2);
    expect(await platform.stop()).toBe(0);
    const alive = new Set(listProcesses().map(({ pid }) => pid));
    expect(children.filter((pid) => alive.has(pid))).toEqual([]);

    const before = platform.access;
    platform = await startPlatform('embedded', { home: platform.home });
    expect(platform.access).toMatchObject({
      organizationId: before.organizationId,
      email: before.email,
      password: before.password,
      apiKey: before.apiKey,
    });
    const again = await signIn(platform.access);
    const { organization } = await again.ask<{ organization: { apiKeys: { nodes: { name: string }[] } } }>(
      ORGANIZATION,
      { id: before.organizationId },
    );
    expect(organization.apiKeys.nodes.map(({ name }) => name)).toContain('kept');
    expect((await chat(platform.access)).status).toBe(200);
  });
});

describe('a start that cannot succeed', () => {
  it('names the taken port and the setting that changes it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const home = newHome();
    const launched = launch('main', { WEIR_HOME: home, GATEWAY_PORT: String(port) });
    expect(await launched.ended).not.toBe(0);
    expect(launched.output()).toMatch(new RegExp(`Port ${port} is taken.*GATEWAY_PORT`, 's'));
    server.close();
    rmSync(join(home, '..'), { recursive: true, force: true });
  });

  it('names the data folder that cannot be written', async () => {
    // A file in the way stops root too, whom permissions do not.
    const launched = launch('main', { WEIR_HOME: join(import.meta.filename, 'data') });
    expect(await launched.ended).not.toBe(0);
    expect(launched.output()).toMatch(/(cannot be written|cannot be used).*WEIR_HOME/s);
  });

  it.runIf(process.getuid?.() === 0)(
    'names the parent folder that keeps PostgreSQL’s own user out',
    async () => {
      const home = newHome();
      const closed = join(home, '..', 'closed');
      mkdirSync(closed);
      chmodSync(closed, 0o700);
      const launched = launch('main', { WEIR_HOME: join(closed, 'home') });
      expect(await launched.ended).not.toBe(0);
      expect(launched.output()).toContain(closed);
      expect(launched.output()).toContain('WEIR_HOME');
      rmSync(join(home, '..'), { recursive: true, force: true });
    },
  );

  it('names every setting that does not fit', async () => {
    const home = newHome();
    const launched = launch('main', { WEIR_HOME: home, PROXY_PORT: 'eighty', LOG_LEVEL: 'loud' });
    expect(await launched.ended).toBe(78);
    expect(launched.output()).toMatch(/PROXY_PORT.*LOG_LEVEL|LOG_LEVEL.*PROXY_PORT/s);
    rmSync(join(home, '..'), { recursive: true, force: true });
  });
});

describe('a launcher that is killed', () => {
  it('takes its services with it, and the next start finds everything', async () => {
    const platform = await startPlatform('embedded');
    const services = platform.processes('main.ts').map(({ pid }) => pid);
    platform.process.kill('SIGKILL');
    await platform.ended;
    await until('the end of the services', () => {
      const alive = new Set(listProcesses().map(({ pid }) => pid));
      return services.some((pid) => alive.has(pid)) ? undefined : true;
    });
    await using again = await startPlatform('embedded', { home: platform.home });
    expect((await chat(again.access)).status).toBe(200);
    expect(existsSync(join(again.home, 'demo.json'))).toBe(true);
  });
});
