import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedProbe {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A provider on this machine that answers as each test says. */
export interface TestProvider {
  readonly url: string;
  readonly received: ReceivedProbe[];
  answer(respond: (res: ServerResponse, probe: ReceivedProbe) => void): void;
  stop(): Promise<void>;
}

export async function startTestProvider(): Promise<TestProvider> {
  const received: ReceivedProbe[] = [];
  let respond: (res: ServerResponse, probe: ReceivedProbe) => void = (res) => void res.end('{}');
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      const probe = { method: req.method ?? '', path: req.url ?? '', headers: req.headers, body };
      received.push(probe);
      respond(res, probe);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answer(next) {
      received.length = 0;
      respond = next;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
