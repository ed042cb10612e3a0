import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError, ERRORS, toAppError, type ErrorSpec } from './errors.ts';

const PAGES = new URL('../../../docs/errors/', import.meta.url);
const CAUSES = { client: 'the caller', upstream: 'the provider', platform: 'the platform' } as const;

describe('the table of errors', () => {
  it('gives each failure the status class of whose failure it is', () => {
    for (const [code, spec] of Object.entries(ERRORS)) {
      const isClient = spec.status >= 400 && spec.status < 500;
      expect({ code, isClient }).toEqual({ code, isClient: spec.kind === 'client' });
    }
  });
});

describe('docs/errors', () => {
  it('has a page for every code and for nothing else', () => {
    const pages = readdirSync(PAGES).map((file) => file.replace(/\.md$/, ''));
    expect(pages.toSorted()).toEqual(Object.keys(ERRORS).toSorted());
  });

  it.each(Object.entries<ErrorSpec>(ERRORS))('says about %s what the table says', (code, spec) => {
    const page = readFileSync(new URL(`${code}.md`, PAGES), 'utf8').split('\n');
    expect(page[0]).toBe(`# ${code}`);
    expect(page[2]).toBe(`HTTP ${spec.status} · cause: ${CAUSES[spec.kind]} · retry: ${spec.retry}`);
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
