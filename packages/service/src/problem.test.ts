import { describe, expect, it } from 'vitest';
import { AppError } from '@weir/kernel/errors';
import { problemDetails, problemHeaders, problemResponse } from './problem.ts';

describe('problem+json', () => {
  it('reads as a problem and as an OpenAI error', () => {
    const error = new AppError('INVALID_REQUEST', 'messages must not be empty.', { param: 'messages' });
    expect(problemDetails(error, 'req_1')).toEqual({
      type: '/errors/INVALID_REQUEST',
      title: 'The request is not valid',
      status: 400,
      detail: 'messages must not be empty.',
      instance: 'req_1',
      code: 'INVALID_REQUEST',
      requestId: 'req_1',
      error: {
        message: 'messages must not be empty.',
        type: 'invalid_request_error',
        param: 'messages',
        code: 'INVALID_REQUEST',
      },
    });
  });

  it('carries details, bigints as strings, without letting them replace a standard member', () => {
    const error = new AppError('BUDGET_EXCEEDED', 'Used up.', {
      details: { limit: 5n, budget: 'b', status: 200 },
    });
    expect(problemDetails(error, 'r')).toMatchObject({ limit: '5', budget: 'b', status: 402 });
  });

  it('says how long to wait wherever waiting helps', () => {
    expect(problemHeaders(new AppError('RATE_LIMITED', 'x', { retryAfterSeconds: 2.1 }))['retry-after']).toBe(
      '3',
    );
    expect(problemHeaders(new AppError('NO_PROVIDER_KEY', 'x'))['retry-after']).toBe('1');
    expect(problemHeaders(new AppError('FORBIDDEN', 'x'))).not.toHaveProperty('retry-after');
  });

  it('masks what nobody foresaw', () => {
    const { status, body, error } = problemResponse(new Error('relation "x" does not exist'), 'r');
    expect(status).toBe(500);
    expect(body).not.toContain('relation');
    expect(error.message).toContain('relation');
  });
});
