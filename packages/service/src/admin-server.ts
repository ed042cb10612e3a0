import { fastify, type FastifyInstance } from 'fastify';
import { AppError } from '@weir/kernel/errors';
import { newUuid } from '@weir/kernel/ids';
import type { Registry } from 'prom-client';
import { createHealth, type Check } from './health.ts';
import type { Logger } from './logger.ts';
import { problemResponse } from './problem.ts';

export interface AdminServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly service: string;
  readonly version: string;
  readonly checks: readonly Check[];
  readonly registry: Registry;
  readonly log: Logger;
}

export interface AdminServer {
  readonly port: number;
  /** From now on `/readyz` answers 503, so that balancers send new work elsewhere. First step of stopping. */
  drain(): void;
  stop(): Promise<void>;
}

/**
 * Listens for operators: `/healthz` (alive), `/readyz` (each dependency named; 503 when one it cannot do without is
 * down) and `/metrics` (Prometheus). `/health` and `/ready` are aliases. Bind it to loopback unless a network is meant.
 */
export async function createAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const server = fastify({ logger: false, forceCloseConnections: true, requestTimeout: 10_000 });
  let draining = false;
  addFailures(server, options.log);
  addHealth(server, options, () => draining);
  server.get('/metrics', async (_, reply) => {
    void reply.type(options.registry.contentType);
    return options.registry.metrics();
  });
  await server.listen({ host: options.host, port: options.port });
  const address = server.server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    drain() {
      draining = true;
    },
    stop: () => server.close(),
  };
}

function addHealth(server: FastifyInstance, options: AdminServerOptions, isDraining: () => boolean): void {
  const { service, version } = options;
  const health = createHealth(options.checks);
  for (const path of ['/healthz', '/health']) {
    server.get(path, () => ({
      status: 'alive',
      service,
      version,
      uptimeSeconds: Math.floor(process.uptime()),
    }));
  }
  for (const path of ['/readyz', '/ready']) {
    server.get(path, async (_, reply) => {
      if (isDraining()) return reply.code(503).send({ status: 'stopping', service, version, checks: [] });
      const { status, checks } = await health();
      return reply.code(status === 'unready' ? 503 : 200).send({ status, service, version, checks });
    });
  }
}

function addFailures(server: FastifyInstance, log: Logger): void {
  const answer = (thrown: unknown) => problemResponse(thrown, newUuid());
  server.setNotFoundHandler((request, reply) => {
    const { status, headers, body } = answer(
      new AppError(
        'NOT_FOUND',
        `There is no ${request.url.slice(0, 128)} here; try /healthz, /readyz or /metrics.`,
      ),
    );
    return reply.code(status).headers(headers).send(body);
  });
  server.setErrorHandler((thrown, request, reply) => {
    const { status, headers, body } = answer(thrown);
    log.error({ err: thrown, url: request.url }, 'admin request failed');
    return reply.code(status).headers(headers).send(body);
  });
}
