import { Client } from 'undici';
import { chatBody, type Target } from './target.ts';

export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly seconds: number;
  /** Microseconds, one per request. */
  readonly latencies: readonly number[];
}

/** Closed loop: each connection sends its next request when the last one is answered in full. */
export async function load(
  target: Target,
  options: { connections: number; seconds: number; stream: boolean; requestsMax?: number },
): Promise<LoadResult> {
  const latencies: number[] = [];
  const body = chatBody({ stream: options.stream });
  const url = new URL(target.url);
  const endAt = performance.now() + options.seconds * 1_000;
  const startedAt = performance.now();
  const { requestsMax = Number.POSITIVE_INFINITY } = options;
  let sent = 0;
  let requests = 0;
  let failures = 0;

  async function connection(): Promise<void> {
    const client = new Client(url.origin, { pipelining: 1 });
    const headers = { ...target.headers, 'content-type': 'application/json' };
    while (performance.now() < endAt && sent < requestsMax) {
      sent++;
      const sentAt = performance.now();
      const answer = await client.request({
        method: 'POST',
        path: `${url.pathname}/chat/completions`,
        headers,
        body,
      });
      await answer.body.dump({ limit: 10_000_000 });
      latencies.push((performance.now() - sentAt) * 1_000);
      requests++;
      if (answer.statusCode !== 200) failures++;
    }
    await client.close();
  }

  await Promise.all(Array.from({ length: options.connections }, connection));
  return { requests, failures, seconds: (performance.now() - startedAt) / 1_000, latencies };
}

/** One request on one connection. @returns Microseconds to the end and to the first byte of the body, and the body. */
export async function single(
  client: Client,
  target: Target,
  body: string,
): Promise<{ totalUs: number; firstByteUs: number; bytes: Buffer }> {
  const url = new URL(target.url);
  const sentAt = performance.now();
  const answer = await client.request({
    method: 'POST',
    path: `${url.pathname}/chat/completions`,
    headers: { ...target.headers, 'content-type': 'application/json' },
    body,
  });
  const chunks: Buffer[] = [];
  let firstByteUs = 0;
  for await (const chunk of answer.body) {
    if (chunks.length === 0) firstByteUs = (performance.now() - sentAt) * 1_000;
    chunks.push(chunk as Buffer);
  }
  if (answer.statusCode !== 200) {
    throw new Error(
      `${target.name} answered ${answer.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 300)}`,
    );
  }
  return { totalUs: (performance.now() - sentAt) * 1_000, firstByteUs, bytes: Buffer.concat(chunks) };
}
