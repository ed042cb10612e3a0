import { describe, expect, it } from 'vitest';
import { AppError, ERRORS, toAppError } from './errors.ts';

describe('the table of errors', () => {
  it('gives each failure the status class of whose failure it is', () => {
    for (const [code, spec] of Object.entries(ERRORS)) {
      const isClient = spec.status >= 400 && spec.status < 500;
      expect({ code, isClient }).toEqual({ code, isClient: spec.kind === 'client' });
    }
  });
});

describe('toAppError', () => {
  it('lets what is already one pass', () => {
    const error = new AppError('RATE_LIMITED', 'Wait.', { retryAfterSeconds: 3 });
    expect(toAppError(error)).toBe(error);
    expect(error.spec.status).toBe(429);
  });

  it.each([new Error('password=hunter2'), 'password=hunter2', undefined, null, { message: 'hunter2' }])(
    'turns %j into INTERNAL and keeps its words from people outside',
    (thrown) => {
      const error = toAppError(thrown);
      expect(error.code).toBe('INTERNAL');
      expect(error.detail).not.toContain('hunter2');
      expect(error.cause).toBe(thrown);
    },
  );
});
