import { fetch, type Dispatcher } from 'undici';
import { z } from 'zod';
import { INTERNAL_SECRET_HEADER } from '@weir/contracts/internal-identity';
import { AppError, ERRORS, type ErrorCode } from '@weir/kernel/errors';

/** Asks the identity service on one of its internal paths. */
export interface IdentityClient {
  /** @throws AppError with the service's own code and words, or DEPENDENCY_UNAVAILABLE when it does not answer. */
  post<Answer>(path: string, body: object, answer: z.ZodType<Answer>): Promise<Answer>;
}

export interface IdentityClientOptions {
  readonly identityUrl: string;
  readonly internalSecret: string;
  readonly dispatcher: Dispatcher;
}

/** Above the deadline of the calls to a provider that the service makes for us. */
const TIMEOUT_MS = 20_000;

const refusalSchema = z.object({ code: z.string(), detail: z.string() });

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

export function createIdentityClient(options: IdentityClientOptions): IdentityClient {
  const { identityUrl, internalSecret, dispatcher } = options;
  return {
    async post(path, body, answer) {
      try {
        const response = await fetch(new URL(path, identityUrl), {
          method: 'POST',
          headers: { 'content-type': 'application/json', [INTERNAL_SECRET_HEADER]: internalSecret },
          body: JSON.stringify(body),
          dispatcher,
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        const json: unknown = await response.json();
        if (response.ok) return answer.parse(json);
        const refusal = refusalSchema.parse(json);
        if (!isErrorCode(refusal.code)) throw new Error(`an unknown code: ${refusal.code}`);
        const retryAfterSeconds = Number(response.headers.get('retry-after') ?? 0);
        throw new AppError(refusal.code, refusal.detail, retryAfterSeconds > 0 ? { retryAfterSeconds } : {});
      } catch (cause) {
        if (cause instanceof AppError) throw cause;
        throw new AppError(
          'DEPENDENCY_UNAVAILABLE',
          'Signing in does not work at the moment. Try again shortly.',
          {
            message: 'the identity service did not answer',
            cause,
            retryAfterSeconds: 1,
          },
        );
      }
    },
  };
}
