import { Agent, type Dispatcher } from 'undici';
import type { Clock } from '@weir/kernel/clock';
import { createOutboundConnector } from '@weir/service/outbound-connector';
import { OutboundAddressError, type OutboundGuard } from '@weir/service/outbound-guard';
import { probeRequestOf, type ProbeRequest } from './probe-request.ts';
import type { ProviderKey } from './provider-key.ts';
import { accessTokenRequest, readAccessToken } from './service-account-token.ts';

export interface ProbeResult {
  readonly ok: boolean;
  /** Of HTTP; null when no answer came. */
  readonly status: number | null;
  readonly latencyMs: number;
  /** A sentence of ours; what the provider wrote is shown to nobody. */
  readonly message: string;
}

/** Asks a provider the cheapest question that needs the secret. Never throws: what goes wrong is the result. */
export interface ProviderProbe {
  ask(key: Pick<ProviderKey, 'provider' | 'baseUrl' | 'config'>, secret: string): Promise<ProbeResult>;
  close(): Promise<void>;
}

const DEADLINE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** More than any answer with an access token has. */
const BODY_BYTES_MAX = 65_536;

export function createProviderProbe(deps: {
  readonly guard: OutboundGuard;
  readonly clock: Clock;
}): ProviderProbe {
  const dispatcher = new Agent({
    connect: createOutboundConnector(deps.guard, CONNECT_TIMEOUT_MS),
    // Tests are rare; nothing is gained by keeping their connections.
    keepAliveTimeout: 1,
  });

  async function send(request: ProbeRequest, signal: AbortSignal): Promise<{ status: number; body: string }> {
    const { origin, pathname, search } = new URL(request.url);
    const answer = await dispatcher.request({
      origin,
      path: pathname + search,
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
      signal,
    });
    return { status: answer.statusCode, body: await readBounded(answer.body) };
  }

  async function question(
    key: Pick<ProviderKey, 'provider' | 'baseUrl' | 'config'>,
    secret: string,
    signal: AbortSignal,
  ): Promise<Verdict> {
    if (key.provider !== 'vertex') return verdictOf((await send(probeRequestOf(key, secret), signal)).status);
    const exchange = await send(await accessTokenRequest(secret, deps.clock.now()), signal);
    const token = exchange.status === 200 ? readAccessToken(exchange.body) : undefined;
    if (token === undefined) {
      return {
        ok: false,
        status: exchange.status,
        message: 'Google gave no access token for this service account.',
      };
    }
    return verdictOf((await send(probeRequestOf(key, token), signal)).status);
  }

  return {
    async ask(key, secret) {
      const startedMs = performance.now();
      const verdict = await question(key, secret, AbortSignal.timeout(DEADLINE_MS)).catch(verdictOfError);
      return { ...verdict, latencyMs: Math.round(performance.now() - startedMs) };
    },
    close: () => dispatcher.destroy(),
  };
}

type Verdict = Omit<ProbeResult, 'latencyMs'>;

function verdictOf(status: number): Verdict {
  return { ok: status >= 200 && status < 300, status, message: sentenceOf(status) };
}

function sentenceOf(status: number): string {
  if (status >= 200 && status < 300) return 'The provider accepted the secret.';
  if (status >= 300 && status < 400) return 'The provider answered with a redirect, which is never followed.';
  if (status === 401 || status === 403) return `The provider refused the secret (${status}).`;
  if (status === 404) return 'The provider knows no list of models there (404). Check the base URL.';
  if (status === 429) return 'The provider is throttling this secret (429).';
  return `The provider answered ${status}.`;
}

function verdictOfError(error: unknown): Verdict {
  return { ok: false, status: null, message: sentenceOfError(error) };
}

function sentenceOfError(error: unknown): string {
  if (error instanceof OutboundAddressError) {
    return 'The base URL does not lead to a public address, so it was not called.';
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'The name in the base URL does not resolve.';
  const isLate =
    error instanceof Error && (error.name === 'TimeoutError' || /TIMEOUT|TIMEDOUT/.test(String(code)));
  if (isLate) return `The provider did not answer within ${DEADLINE_MS / 1_000} s.`;
  return 'The provider could not be reached.';
}

/** As much as is allowed; whoever sends more is cut off. */
async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string> {
  let text = '';
  for await (const chunk of body as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    if (text.length > BODY_BYTES_MAX) break;
  }
  return text;
}
