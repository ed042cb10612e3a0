import type { AppError } from '@weir/kernel/errors';
import { problemDetails, type ProblemDetails } from '@weir/service/problem';
import type { Dialect } from '../endpoints/endpoint.ts';

/** The body of a failure. It is a problem for everybody, and for each dialect's clients the error that they know. */
export function errorBody(dialect: Dialect, error: AppError, requestId: string): string {
  const problem = problemDetails(error, requestId);
  return JSON.stringify(dialect === 'anthropic' ? anthropicError(problem) : problem);
}

/** A new list of headers that begins with the one that the dialect's clients read the request id from, beside our own. */
export function requestIdHeaders(dialect: Dialect, requestId: string): string[] {
  return dialect === 'anthropic'
    ? ['x-request-id', requestId, 'request-id', requestId]
    : ['x-request-id', requestId];
}

/** Anthropic's clients take `type` for what the body is, so the page of the code is found by `code` alone. */
function anthropicError({ type: _page, error, ...problem }: ProblemDetails): object {
  return {
    type: 'error',
    error: {
      type: ANTHROPIC_TYPES[problem.status] ?? (problem.status < 500 ? 'invalid_request_error' : 'api_error'),
      message: error.message,
      // What the official clients show as the error's code.
      details: { error_code: error.code },
      code: error.code,
      param: error.param,
    },
    request_id: problem.requestId,
    ...problem,
  };
}

/** By HTTP status, as Anthropic documents them; 503 says the same as its own 529. */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};
