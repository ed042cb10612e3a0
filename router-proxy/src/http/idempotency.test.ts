import { describe, expect, it } from 'vitest';
import { createIdempotencyKeys } from './idempotency.ts';

function rig() {
  let nowMs = 0;
  return { keys: createIdempotencyKeys({ now: () => nowMs }), wait: (ms: number) => void (nowMs += ms) };
}

describe('idempotency keys', () => {
  it('refuse a repetition while the first request runs and for five minutes after it, naming it', () => {
    const { keys, wait } = rig();
    const first = keys.begin('key', 'name', 'req_1');
    const refused = (code: string) =>
      expect.objectContaining({ code, details: { firstRequestId: 'req_1' } }) as Error;
    expect(() => keys.begin('key', 'name', 'req_2')).toThrow(refused('REQUEST_IN_PROGRESS'));
    first.end(true);
    wait(299_999);
    expect(() => keys.begin('key', 'name', 'req_2')).toThrow(refused('DUPLICATE_REQUEST'));
    wait(1);
    expect(() => keys.begin('key', 'name', 'req_2')).not.toThrow();
  });

  it('belong to one API key each', () => {
    const { keys } = rig();
    keys.begin('key', 'name', 'req_1');
    expect(() => keys.begin('other', 'name', 'req_2')).not.toThrow();
  });

  it('are free again when the request came to nothing', () => {
    const { keys } = rig();
    keys.begin('key', 'name', 'req_1').end(false);
    expect(() => keys.begin('key', 'name', 'req_2')).not.toThrow();
  });
});
