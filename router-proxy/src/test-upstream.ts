import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

/** What a provider was sent. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly bytes: Buffer;
  /** Whether the connection was closed before the answer was complete. */
  readonly aborted: Promise<boolean>;
}

export type Responder = (req: ReceivedRequest, res: ServerResponse) => void | Promise<void>;

/** A provider at the edge of the process under test, told by each test how to answer. */
export interface TestUpstream {
  readonly url: string;
  readonly received: readonly ReceivedRequest[];
  /** Answers from now on; what was received is forgotten. */
  respond(responder: Responder): void;
  /** How many bytes of bodies have arrived since the last `respond`. */
  readonly arrivedBytes: number;
  /** Reads no bodies until the returned function is called. */
  hold(): () => void;
  stop(): Promise<void>;
}

export async function startTestUpstream(): Promise<TestUpstream> {
  let received: ReceivedRequest[] = [];
  let responder: Responder = answerWith(completion());
  let arrivedBytes = 0;
  let gate = Promise.resolve();

  async function readBody(req: IncomingMessage): Promise<Buffer> {
    await gate;
    const parts: Buffer[] = [];
    for await (const part of req as AsyncIterable<Buffer>) {
      parts.push(part);
      arrivedBytes += part.length;
    }
    return Buffer.concat(parts);
  }

  const server = createServer((req, res) => {
    const aborted = abortionOf(res);
    void readBody(req).then(
      async (bytes) => {
        const body = bytes.toString('utf8');
        const request = { path: req.url ?? '', headers: req.headers, body, bytes, aborted };
        received.push(request);
        await responder(request, res);
      },
      () => undefined,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    get received() {
      return received;
    },
    get arrivedBytes() {
      return arrivedBytes;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    respond(next) {
      received = [];
      arrivedBytes = 0;
      responder = next;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export function completion(
  usage: object | null = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 },
) {
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-test',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello!' }, finish_reason: 'stop' }],
    ...(usage ? { usage } : {}),
  });
}

export function answerWith(
  body: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Responder {
  return (_, res) => {
    res.writeHead(status, { 'content-type': 'application/json', ...headers });
    res.end(body);
  };
}

/** The events of a streamed completion; usage comes last, with no choices. */
export function streamEvents(pieces: readonly string[], usage: object | null): readonly string[] {
  const event = (value: object): string => `data: ${JSON.stringify({ id: 'c', ...value })}\n\n`;
  return [
    ...pieces.map((content) => event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    ...(usage ? [event({ choices: [], usage })] : []),
    'data: [DONE]\n\n',
  ];
}

/** Writes the chunks one after the other, each in a packet of its own as far as the machine obliges. */
export function streamOf(chunks: readonly (string | Buffer)[]): Responder {
  return async (_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const chunk of chunks) {
      res.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    res.end();
  };
}

function abortionOf(res: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    res.once('close', () => {
      resolve(!res.writableFinished);
    });
  });
}
