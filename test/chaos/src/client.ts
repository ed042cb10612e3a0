import { setTimeout as pause } from 'node:timers/promises';
import { chat } from '@weir/e2e/inference';
import type { Proxy } from './fleet.ts';
import type { Tally } from './tally.ts';
import type { SeededKey } from '@weir/e2e/seeding';

export interface LoadRequest {
  readonly key: SeededKey;
  readonly isBudgeted: boolean;
  readonly model: string;
  readonly prompt: string;
  readonly stream: boolean;
  readonly maxTokens: number;
  /** Hangs up after the first bytes of the answer. */
  readonly leaves: boolean;
}

export interface ClientOptions {
  /** In the order of preference; one that does not answer is followed by the next. */
  readonly proxies: readonly Proxy[];
  readonly tally: Tally;
  /** When to give up, by `performance.now()`. */
  readonly untilMs: number;
}

const RETRY_MS = { least: 20, most: 250 } as const;

/**
 * Sends one request the way a patient client does: what was refused for the moment, or broke, is tried again at the
 * next proxy until it is served, has no budget, or is out of time.
 * @returns The last status; null when it was given up.
 */
export async function sendPatiently(request: LoadRequest, options: ClientOptions): Promise<number | null> {
  const { proxies, tally, untilMs } = options;
  for (let attempt = 0; performance.now() < untilMs; attempt++) {
    const proxy = proxies[attempt % proxies.length];
    if (!proxy) break;
    const status = await sendOnce(request, proxy, tally).catch(() => null);
    if (status === null) tally.broken++;
    else if (status < 500 && status !== 429) return status;
    const most = Math.min(RETRY_MS.most, RETRY_MS.least * 2 ** attempt);
    await pause(most / 2 + (Math.random() * most) / 2);
  }
  tally.givenUp++;
  return null;
}

/** @throws Error when the connection breaks, or a stream ends without its end. */
async function sendOnce(request: LoadRequest, proxy: Proxy, tally: Tally): Promise<number> {
  const { key, isBudgeted, stream } = request;
  const began = tally.phase;
  tally.requests++;
  const answer = await chat({ inferenceUrl: proxy.url, apiKey: key.secret }, request);
  const note = (code: string | null): void =>
    tally.add({
      phase: began === tally.phase ? began : 'changed',
      isBudgeted,
      status: answer.status,
      code,
    });
  if (answer.status !== 200) {
    const problem = (await answer.json()) as { readonly code?: string };
    note(problem.code ?? '?');
    return answer.status;
  }
  if (request.leaves) {
    const reader = answer.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    tally.left++;
    note(null);
    return answer.status;
  }
  const text = await answer.text();
  note(null);
  if (stream && !text.includes('[DONE]')) throw new Error('the stream has no end');
  tally.served++;
  return answer.status;
}
