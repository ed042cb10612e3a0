import { describe, expect, it } from 'vitest';
import { failureError, failureOfStatus, isFailure, noProviderKey } from './failure.ts';

describe("a provider's status", () => {
  it('lets another key try only where another key might do better', () => {
    const failing = [301, 401, 402, 403, 408, 429, 500, 502, 503, 504, 529];
    const passedOn = [200, 201, 400, 404, 405, 409, 413, 415, 422];
    expect(failing.filter((status) => !isFailure(status))).toEqual([]);
    expect(passedOn.filter(isFailure)).toEqual([]);
  });

  it.each([
    [429, { 'retry-after': '7' }, '', { kind: 'throttled', retryAfterMs: 7_000 }],
    [429, { 'retry-after-ms': '250', 'retry-after': '7' }, '', { kind: 'throttled', retryAfterMs: 250 }],
    [429, { 'retry-after': 'Thu, 01 Jan 1970 00:00:10 GMT' }, '', { kind: 'throttled', retryAfterMs: 9_000 }],
    [429, { 'retry-after': '999999' }, '', { kind: 'throttled', retryAfterMs: 3_600_000 }],
    [429, {}, '', { kind: 'throttled', retryAfterMs: null }],
    [429, {}, '{"error":{"code":"insufficient_quota"}}', { kind: 'quota' }],
    [402, {}, '', { kind: 'quota' }],
    [401, {}, '', { kind: 'refused' }],
    [403, {}, '', { kind: 'forbidden' }],
    [403, {}, '{"error":{"message":"You exceeded your current quota"}}', { kind: 'quota' }],
    [403, {}, '{"error":{"details":[{"reason":"SERVICE_DISABLED"}]}}', { kind: 'forbidden' }],
    [403, {}, '{"error":{"details":[{"reason": "BILLING_DISABLED"}]}}', { kind: 'quota' }],
    [529, {}, '{"type":"error","error":{"type":"overloaded_error"}}', { kind: 'broken', status: 529 }],
    [500, {}, '', { kind: 'broken' }],
  ])('%d with %j and %j is classified', (status, headers, body, expected) => {
    expect(failureOfStatus(status, headers, body, 1_000)).toMatchObject(expected);
  });
});

describe('what the client is told at last', () => {
  it('says what happened in its code, and nothing of the provider in its sentence', () => {
    expect(failureError({ kind: 'timeout', wasSent: true }, 0).code).toBe('UPSTREAM_TIMEOUT');
    expect(failureError({ kind: 'broken', status: 500 }, 0).code).toBe('UPSTREAM_ERROR');
    expect(failureError({ kind: 'unreachable', errorCode: 'ECONNREFUSED' }, 0).detail).not.toContain('ECONN');
    expect(failureError({ kind: 'forbidden', status: 403 }, 0).code).toBe('UPSTREAM_ERROR');
    expect(failureError({ kind: 'refused', status: 401 }, 1_500)).toMatchObject({
      code: 'NO_PROVIDER_KEY',
      retryAfterSeconds: 2,
    });
  });

  it('is not to try again soon when there is no key at all', () => {
    expect(noProviderKey(Number.POSITIVE_INFINITY, '')).toMatchObject({
      code: 'NO_PROVIDER_KEY',
      retryAfterSeconds: 60,
    });
  });
});
