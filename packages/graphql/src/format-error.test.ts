import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { AppError } from '@weir/kernel/errors';
import { formatError, isPublicCode, withCode } from './format-error.ts';

/** What Apollo hands over for an error that a resolver threw. */
function thrownBy(original: Error) {
  const error = new GraphQLError(original.message, { originalError: original, path: ['budget', 'limit'] });
  return formatError(
    { ...error.toJSON(), extensions: { code: 'INTERNAL_SERVER_ERROR', stacktrace: ['at secret.ts'] } },
    error,
  );
}

describe('an error as clients see it', () => {
  it('says what an AppError says to people outside, with code, details and wait', () => {
    const original = new AppError('RATE_LIMITED', 'Wait a moment.', {
      message: 'shard 7 is hot',
      details: { limit: 5 },
      param: 'model',
      retryAfterSeconds: 1.5,
    });
    expect(thrownBy(original)).toEqual({
      message: 'Wait a moment.',
      path: ['budget', 'limit'],
      extensions: { code: 'RATE_LIMITED', param: 'model', details: { limit: 5 }, retryAfterMs: 1500 },
    });
  });

  it('shows nothing of what is not meant for people outside', () => {
    const shown = thrownBy(new TypeError('password of postgres://weir:hunter2@db'));
    expect(shown.extensions).toEqual({ code: 'INTERNAL' });
    expect(JSON.stringify(shown)).not.toMatch(/hunter2|secret\.ts/);
  });

  it('hides the details of failures of ours', () => {
    const shown = thrownBy(
      new AppError('DEPENDENCY_UNAVAILABLE', 'Try again.', { details: { host: 'db-7' } }),
    );
    expect(shown.extensions).toEqual({ code: 'DEPENDENCY_UNAVAILABLE' });
  });

  it('keeps the words of errors about the request itself', () => {
    const error = withCode(new GraphQLError('Syntax Error: Unexpected }'), 'GRAPHQL_PARSE_FAILED');
    expect(formatError(error.toJSON(), error)).toEqual({
      message: 'Syntax Error: Unexpected }',
      extensions: { code: 'GRAPHQL_PARSE_FAILED' },
    });
  });

  it('has a code of a closed set', () => {
    expect(isPublicCode('BUDGET_EXCEEDED')).toBe(true);
    expect(isPublicCode('PERSISTED_QUERY_NOT_FOUND')).toBe(true);
    expect(isPublicCode('INTERNAL_SERVER_ERROR')).toBe(false);
    expect(isPublicCode('toString')).toBe(false);
    expect(isPublicCode(undefined)).toBe(false);
  });
});
