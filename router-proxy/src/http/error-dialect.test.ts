import { describe, expect, it } from 'vitest';
import { AppError, ERRORS, type ErrorCode } from '@weir/kernel/errors';
import { problemDetails } from '@weir/service/problem';
import { errorBody, requestIdHeaders } from './error-dialect.ts';

const TYPES: readonly [ErrorCode, string][] = [
  ['INVALID_REQUEST', 'invalid_request_error'],
  ['METHOD_NOT_ALLOWED', 'invalid_request_error'],
  ['UNSUPPORTED_MEDIA_TYPE', 'invalid_request_error'],
  ['INVALID_API_KEY', 'authentication_error'],
  ['BUDGET_EXCEEDED', 'billing_error'],
  ['MODEL_NOT_ALLOWED', 'permission_error'],
  ['MODEL_NOT_FOUND', 'not_found_error'],
  ['DUPLICATE_REQUEST', 'conflict_error'],
  ['PAYLOAD_TOO_LARGE', 'request_too_large'],
  ['RATE_LIMITED', 'rate_limit_error'],
  ['INTERNAL', 'api_error'],
  ['UPSTREAM_ERROR', 'api_error'],
  ['NO_PROVIDER_KEY', 'overloaded_error'],
  ['UPSTREAM_TIMEOUT', 'timeout_error'],
];

describe('a failure', () => {
  it.each(TYPES)('with the code %s is the %s that Anthropic’s clients know', (code, type) => {
    const error = new AppError(code, 'What to do.', { param: 'model', details: { budget: { name: 'Cap' } } });
    expect(JSON.parse(errorBody('anthropic', error, 'req_1'))).toEqual({
      type: 'error',
      error: { type, message: 'What to do.', code, param: 'model', details: { error_code: code } },
      request_id: 'req_1',
      title: ERRORS[code].title,
      status: ERRORS[code].status,
      detail: 'What to do.',
      instance: 'req_1',
      code,
      requestId: 'req_1',
      budget: { name: 'Cap' },
    });
  });

  it('is a problem with OpenAI’s error for everybody else', () => {
    const error = new AppError('RATE_LIMITED', 'Wait.');
    expect(JSON.parse(errorBody('openai', error, 'req_1'))).toEqual(problemDetails(error, 'req_1'));
  });

  it('tells its request where the clients look for it', () => {
    expect(requestIdHeaders('openai', 'req_1')).toEqual(['x-request-id', 'req_1']);
    expect(requestIdHeaders('anthropic', 'req_1')).toEqual(['x-request-id', 'req_1', 'request-id', 'req_1']);
  });
});
