import { toAppError, type AppError } from '@weir/kernel/errors';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

export interface ProblemDetails {
  /** A URI reference to the page of the code, relative to the documentation. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly requestId: string;
  /** The same failure as OpenAI's clients read it. */
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
  readonly [detail: string]: unknown;
}

/** RFC 9457 body of a failure. Details are members of their own; they cannot replace a standard one. */
export function problemDetails(error: AppError, requestId: string): ProblemDetails {
  const { title, status, openaiType } = error.spec;
  return {
    ...jsonSafe(error.details ?? {}),
    type: `/errors/${error.code}`,
    title,
    status,
    detail: error.detail,
    instance: requestId,
    code: error.code,
    requestId,
    error: { message: error.detail, type: openaiType, param: error.param ?? null, code: error.code },
  };
}

/** Seconds to wait when the thrower could not say: what is busy now is worth one more try soon. */
const RETRY_AFTER_SECONDS = 1;

/** Headers that belong to the body of `problemDetails`; `retry-after` wherever waiting helps. */
export function problemHeaders(error: AppError): Readonly<Record<string, string>> {
  const waits = error.spec.retry === 'after' ? RETRY_AFTER_SECONDS : undefined;
  const seconds = error.retryAfterSeconds ?? waits;
  return {
    'content-type': PROBLEM_CONTENT_TYPE,
    ...(seconds === undefined ? {} : { 'retry-after': String(Math.max(0, Math.ceil(seconds))) }),
  };
}

/** Total: a complete answer for whatever was thrown. */
export function problemResponse(thrown: unknown, requestId: string) {
  const error = toAppError(thrown);
  return {
    error,
    status: error.spec.status,
    headers: problemHeaders(error),
    body: JSON.stringify(problemDetails(error, requestId)),
  } as const;
}

function jsonSafe(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(details);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'bigint' ? `${value}` : value]),
  );
}
