import { afterEach, describe, expect, it } from 'vitest';
import { createAdminServer, type AdminServer } from './admin-server.ts';
import type { Check } from './health.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const servers: AdminServer[] = [];

async function start(checks: readonly Check[] = []) {
  const server = await createAdminServer({
    host: '127.0.0.1',
    port: 0,
    service: 'router-proxy',
    version: '1.2.3',
    checks,
    registry: createMetrics({ service: 'router-proxy' }),
    log,
  });
  servers.push(server);
  return {
    server,
    get: async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        text: await response.text(),
      };
    },
  };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe('the admin server', () => {
  it.each(['/healthz', '/health'])(
    'says at %s that the process is alive, whatever its dependencies do',
    async (path) => {
      const { get } = await start([
        { name: 'postgres', required: true, run: () => Promise.reject(new Error('down')) },
      ]);
      const answer = await get(path);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toMatchObject({
        status: 'alive',
        service: 'router-proxy',
        version: '1.2.3',
      });
    },
  );

  it.each(['/readyz', '/ready'])('answers 503 at %s with the dependency that is missing', async (path) => {
    const { get } = await start([
      { name: 'postgres', required: true, run: () => Promise.reject(new Error('connection refused')) },
    ]);
    const answer = await get(path);
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toMatchObject({
      status: 'unready',
      checks: [{ name: 'postgres', status: 'down', reason: 'connection refused' }],
    });
  });

  it('is ready, if degraded, without an optional dependency', async () => {
    const { get } = await start([
      { name: 'redis', required: false, run: () => Promise.reject(new Error('down')) },
    ]);
    const answer = await get('/readyz');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'degraded' });
  });

  it('is no longer ready once draining, and still alive', async () => {
    const { server, get } = await start();
    server.drain();
    expect(JSON.parse((await get('/readyz')).text)).toMatchObject({ status: 'stopping' });
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/healthz')).status).toBe(200);
  });

  it('shows its metrics to Prometheus, each labelled with the service', async () => {
    const { get } = await start();
    const answer = await get('/metrics');
    expect(answer.type).toContain('text/plain');
    expect(answer.text).toMatch(/process_cpu_seconds_total\{service="router-proxy"\}/);
  });

  it('answers anything else with problem+json', async () => {
    const { get } = await start();
    const answer = await get('/nothing');
    expect(answer.status).toBe(404);
    expect(answer.type).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'NOT_FOUND', type: '/errors/NOT_FOUND' });
  });
});
