/**
 * Every code the platform answers with. The table is the type: a code that is not here does not compile.
 * `kind` says whose failure it is (client, upstream, platform), which is what alerts are made of.
 */
export interface ErrorSpec {
  readonly kind: 'client' | 'upstream' | 'platform';
  readonly status: number;
  readonly title: string;
  readonly retry: 'no' | 'after' | 'yes';
  readonly level: 'info' | 'warn' | 'error';
  /** The `type` member of the OpenAI error object. */
  readonly openaiType: string;
}

const client = (status: number, title: string, openaiType = 'invalid_request_error') =>
  ({ kind: 'client', status, title, retry: 'no', level: 'info', openaiType }) as const;
const limited = (title: string) =>
  ({
    kind: 'client',
    status: 429,
    title,
    retry: 'after',
    level: 'info',
    openaiType: 'rate_limit_error',
  }) as const;
const unpaid = (title: string) =>
  ({
    kind: 'client',
    status: 402,
    title,
    retry: 'no',
    level: 'info',
    openaiType: 'insufficient_quota',
  }) as const;
const failure = (
  kind: 'upstream' | 'platform',
  status: number,
  title: string,
  retry: 'no' | 'yes' | 'after',
) =>
  ({
    kind,
    status,
    title,
    retry,
    level: kind === 'upstream' ? 'warn' : 'error',
    openaiType: 'api_error',
  }) as const;

export const ERRORS = {
  MISSING_API_KEY: client(401, 'No API key was given', 'authentication_error'),
  INVALID_API_KEY: client(401, 'The API key is not valid', 'authentication_error'),
  API_KEY_REVOKED: client(401, 'The API key has been revoked', 'authentication_error'),
  API_KEY_EXPIRED: client(401, 'The API key has expired', 'authentication_error'),
  INVALID_SIGNATURE: client(401, 'The request is not signed as its API key wants it', 'authentication_error'),
  ACCOUNT_SUSPENDED: client(401, 'The account is suspended', 'authentication_error'),
  UNAUTHENTICATED: client(401, 'Sign in first', 'authentication_error'),
  IP_NOT_ALLOWED: client(403, 'This address may not use the key', 'permission_error'),
  PATH_NOT_ALLOWED: client(403, 'The key may not call this path', 'permission_error'),
  INSUFFICIENT_SCOPE: client(403, 'The key lacks the scope', 'permission_error'),
  MODEL_NOT_ALLOWED: client(403, 'The key may not use this model', 'permission_error'),
  FORBIDDEN: client(403, 'Not permitted', 'permission_error'),
  NOT_FOUND: client(404, 'Not found'),
  MODEL_NOT_FOUND: client(404, 'The model does not exist'),
  METHOD_NOT_ALLOWED: client(405, 'The method is not allowed here'),
  INVALID_REQUEST: client(400, 'The request is not valid'),
  BAD_USER_INPUT: client(400, 'The input is not valid'),
  CONFLICT: client(409, 'The state has changed meanwhile'),
  REQUEST_IN_PROGRESS: client(409, 'The same request is still running'),
  DUPLICATE_REQUEST: client(409, 'The same request was already answered'),
  PAYLOAD_TOO_LARGE: client(413, 'The request body is too large'),
  UNSUPPORTED_MEDIA_TYPE: client(415, 'The content type is not supported'),
  BUDGET_EXCEEDED: unpaid('The budget is used up'),
  QUOTA_EXCEEDED: unpaid('The quota is used up'),
  INSUFFICIENT_CREDIT: unpaid('The credit is used up'),
  RATE_LIMITED: limited('The rate limit is reached'),
  CONCURRENCY_LIMITED: limited('Too many requests at the same time'),
  UPSTREAM_ERROR: failure('upstream', 502, 'The provider failed', 'yes'),
  UPSTREAM_TIMEOUT: failure('upstream', 504, 'The provider did not answer in time', 'yes'),
  NO_PROVIDER_KEY: failure('platform', 503, 'No provider key is available', 'after'),
  DEPENDENCY_UNAVAILABLE: failure('platform', 503, 'A part of the platform is unavailable', 'after'),
  SHUTTING_DOWN: failure('platform', 503, 'The service is stopping', 'after'),
  INTERNAL: failure('platform', 500, 'Internal error', 'no'),
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;

export interface AppErrorOptions {
  /** For logs only. */
  readonly message?: string;
  readonly cause?: unknown;
  readonly retryAfterSeconds?: number;
  /** The request member at fault, for example `messages` (OpenAI's `param`). */
  readonly param?: string;
  /** Members added to problem+json and to `extensions.details`; never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A failure with a code of the table; `detail` is for people outside, `message` for logs. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryAfterSeconds: number | undefined;
  readonly param: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  /** @param detail One sentence that helps the caller; no internals. */
  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(options.message ?? detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.param = options.param;
    this.details = options.details;
  }

  get spec(): ErrorSpec {
    return ERRORS[this.code];
  }
}

/** Total: whatever was thrown becomes an AppError; what is unknown becomes INTERNAL with a masked detail. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError(
    'INTERNAL',
    'Something went wrong on our side. Try again; give the request id to support.',
    {
      message,
      cause: thrown,
    },
  );
}
