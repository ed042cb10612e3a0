import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { CliError, EXIT } from './cli-error.ts';
import type { Output } from './output.ts';

export interface GraphqlClient {
  /**
   * The data of an operation.
   * @throws CliError saying what was refused, or with the code for an unavailable service.
   */
  ask<T>(operation: string, variables?: Readonly<Record<string, unknown>>): Promise<T>;
  /** As `ask`, for a mutation whose payload may have user errors. */
  change<T>(mutation: string, field: string, input: object): Promise<T>;
  /** A file behind a link of the platform. */
  download(url: string): Promise<Uint8Array>;
}

export interface GraphqlClientOptions {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly token: string | undefined;
  /** Of one command, waiting included. */
  readonly deadlineMs: number;
  readonly output: Output;
  /** Before each further try. */
  readonly waitsMs?: readonly number[];
}

const WAITS_MS = [1_000, 2_000, 4_000];
const UNAVAILABLE_STATUS = new Set([502, 503, 504]);
const UNAVAILABLE_CODES = new Set(['DEPENDENCY_UNAVAILABLE', 'SHUTTING_DOWN']);

const answerSchema = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z
    .array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }).partial().optional() }))
    .optional(),
});

const userErrorsSchema = z.object({
  userErrors: z.array(z.object({ message: z.string(), field: z.array(z.string()).nullish() })),
});

class Unavailable extends CliError {
  constructor(message: string) {
    super(message, EXIT.unavailable);
  }
}

function headersOf({ apiKey, token }: GraphqlClientOptions): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (apiKey !== undefined) return { 'x-api-key': apiKey };
  throw new CliError('Say who you are: set WEIR_API_KEY or WEIR_TOKEN.', EXIT.usage);
}

export function createGraphqlClient(options: GraphqlClientOptions): GraphqlClient {
  const { url, output, deadlineMs, waitsMs = WAITS_MS } = options;
  const endpoint = `${url.replace(/\/+$/, '').replace(/\/graphql$/, '')}/graphql`;
  const deadline = AbortSignal.timeout(deadlineMs);

  async function fetchOnce(target: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(target, { ...init, signal: deadline, redirect: 'error' });
    } catch (cause) {
      if (deadline.aborted) throw new CliError(`No answer within ${deadlineMs / 1_000} s.`, EXIT.unavailable);
      const reason =
        cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
      throw new Unavailable(`${new URL(target).origin} cannot be reached: ${reason}`);
    }
    output.detail(
      `${String(response.status)}, request ${response.headers.get('x-request-id') ?? 'without id'}`,
    );
    if (UNAVAILABLE_STATUS.has(response.status))
      throw new Unavailable(`${new URL(target).origin} is unavailable (${String(response.status)}).`);
    return response;
  }

  /** Again after one, two and four seconds, and only when the service could not be had: nothing was done then. */
  async function patiently<T>(work: () => Promise<T>): Promise<T> {
    for (const waitMs of waitsMs) {
      try {
        return await work();
      } catch (thrown) {
        if (!(thrown instanceof Unavailable)) throw thrown;
        output.detail(`${thrown.message} Trying again in ${waitMs / 1_000} s.`);
        await delay(waitMs);
      }
    }
    return work();
  }

  async function ask<T>(operation: string, variables: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headersOf(options) },
      body: JSON.stringify({ query: operation, variables }),
    };
    return patiently(async () => {
      const response = await fetchOnce(endpoint, init);
      const answer = answerSchema.safeParse(await response.json().catch(() => undefined));
      if (!answer.success) throw new CliError(`${endpoint} is no GraphQL endpoint of the platform.`);
      const { data, errors } = answer.data;
      if (!errors && data) return data as T;
      const messages = errors?.map((error) => error.message).join(' ') ?? 'There was no answer.';
      const isAway = errors?.some(({ extensions }) => UNAVAILABLE_CODES.has(extensions?.code ?? ''));
      throw isAway === true ? new Unavailable(messages) : new CliError(messages);
    });
  }

  return {
    ask,
    async change<T>(mutation: string, field: string, input: object) {
      const data = await ask<Record<string, unknown>>(mutation, { input });
      const payload = userErrorsSchema.loose().parse(data[field]);
      if (payload.userErrors.length === 0) return payload as T;
      const messages = payload.userErrors.map(
        ({ message, field: path }) => message + (path ? ` (${path.join('.')})` : ''),
      );
      throw new CliError(messages.join('\n'));
    },
    async download(target) {
      return patiently(async () => {
        const response = await fetchOnce(target, {});
        if (!response.ok)
          throw new CliError(`The file could not be downloaded (${String(response.status)}).`);
        return response.bytes();
      });
    },
  };
}
