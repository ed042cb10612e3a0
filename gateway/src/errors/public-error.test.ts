import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { AppError } from '@weir/kernel/errors';
import { publicError } from './public-error.ts';
import { withCompletionErrors } from './completion-errors.ts';

/** An error as the executor hands it on from a subgraph. */
function fromSubgraph(extensions: Record<string, unknown>, path: readonly (string | number)[] = ['a', 'b']) {
  const error = new GraphQLError('What happened.', {
    path,
    extensions: { serviceName: 'billing', ...extensions },
  });
  return publicError(error.toJSON(), error);
}

describe('an error of a subgraph', () => {
  it('keeps its code and what clients branch on, and nothing else', () => {
    const shown = fromSubgraph({
      code: 'CONFLICT',
      details: { version: 3 },
      param: 'expectedVersion',
      requestId: 'req',
      retryAfterMs: 5,
      response: { url: 'http://10.0.0.7:4002', body: 'secret' },
      stacktrace: ['at secret.ts'],
    });
    expect(shown).toEqual({
      message: 'What happened.',
      path: ['a', 'b'],
      extensions: {
        code: 'CONFLICT',
        details: { version: 3 },
        param: 'expectedVersion',
        requestId: 'req',
        retryAfterMs: 5,
      },
    });
  });

  it('without a public code is masked', () => {
    for (const code of ['INTERNAL', 'SOMETHING_ELSE', undefined, 7]) {
      const shown = fromSubgraph({ code, details: { secret: true } });
      expect(shown.message).not.toContain('What happened');
      expect(shown.extensions).toEqual({ code: 'INTERNAL' });
    }
  });

  it('points to a place of the response', () => {
    expect(fromSubgraph({ code: 'CONFLICT' }, ['nodes', '@', 'usage']).path).toEqual(['nodes']);
    expect(fromSubgraph({ code: 'CONFLICT' }, ['organization', '_entities']).path).toEqual(['organization']);
  });
});

it('an error of the gateway says what it says to people outside', () => {
  const original = new AppError('DEPENDENCY_UNAVAILABLE', 'Try again.', {
    message: 'ECONNREFUSED 10.0.0.7',
    retryAfterSeconds: 1,
  });
  const error = new GraphQLError('ECONNREFUSED 10.0.0.7', { originalError: original });
  expect(publicError(error.toJSON(), error)).toEqual({
    message: 'Try again.',
    extensions: { code: 'DEPENDENCY_UNAVAILABLE', retryAfterMs: 1000 },
  });
});

it('a null where none may be is an error that clients see', () => {
  const { errors, extensions } = withCompletionErrors({
    extensions: {
      valueCompletion: [
        { message: 'Cannot return null for Organization.name', path: ['organization', 'name'] },
      ],
    },
  });
  expect(errors).toMatchObject([{ path: ['organization', 'name'], extensions: { code: 'INTERNAL' } }]);
  expect(JSON.stringify(errors)).not.toContain('Organization.name');
  expect(extensions).toBeUndefined();
  expect(withCompletionErrors({ extensions: { other: 1 } })).toEqual({
    errors: [],
    extensions: { other: 1 },
  });
});
