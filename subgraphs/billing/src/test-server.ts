import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { IDENTITY_HEADER, type InternalIdentity } from '@weir/contracts/internal-identity';
import { createIdentitySigner } from '@weir/graphql/identity-token';
import { createLogger } from '@weir/service/logger';
import type { Running } from '@weir/service/running';
import { start } from './start.ts';

const SECRET = 'a secret that is only used by the tests';

export interface GraphqlAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

export interface Subscription {
  /** Every event so far. */
  readonly events: Record<string, unknown>[];
  /** What ended the subscription, when something did. */
  readonly errors: unknown[];
  stop(): void;
}

export interface TestServer {
  readonly running: Running;
  ask(identity: InternalIdentity, query: string, variables?: Record<string, unknown>): Promise<GraphqlAnswer>;
  subscribe(
    identity: InternalIdentity,
    query: string,
    variables: Record<string, unknown>,
  ): Promise<Subscription>;
  stop(): Promise<void>;
}

/** The billing service as the gateway finds it: over HTTP and graphql-ws, with the gateway's identity tokens. */
export async function startTestServer(databaseUrl: string): Promise<TestServer> {
  const running = await start(
    {
      databaseUrl,
      internalSecret: SECRET,
      logLevel: 'silent',
      host: '127.0.0.1',
      port: 0,
      adminHost: '127.0.0.1',
      adminPort: 0,
      pollMs: 1_000,
    },
    { log: createLogger({ service: 'billing', level: 'silent' }) },
  );
  const signer = createIdentitySigner(SECRET);
  const endpoint = `127.0.0.1:${running.ports.http}/graphql`;
  const clients: Client[] = [];
  return {
    running,
    async ask(identity, query, variables = {}) {
      const response = await fetch(`http://${endpoint}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [IDENTITY_HEADER]: await signer.sign(identity) },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as GraphqlAnswer;
    },
    async subscribe(identity, query, variables) {
      const client = createClient({ url: `ws://${endpoint}`, webSocketImpl: WebSocket, retryAttempts: 0 });
      clients.push(client);
      const events: Record<string, unknown>[] = [];
      const errors: unknown[] = [];
      const stop = client.subscribe<Record<string, unknown>>(
        { query, variables, extensions: { identity: await signer.sign(identity) } },
        {
          next: ({ data, errors: failures }) => {
            if (data) events.push(data);
            if (failures) errors.push(...failures);
          },
          error: (error) => errors.push(...(Array.isArray(error) ? (error as unknown[]) : [error])),
          complete: () => undefined,
        },
      );
      return { events, errors, stop };
    },
    async stop() {
      for (const client of clients) await client.dispose();
      await running.stop();
    },
  };
}
