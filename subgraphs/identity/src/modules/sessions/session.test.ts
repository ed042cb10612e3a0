import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { hashOfRefreshToken, namesInRefreshToken, newRefreshToken } from './session.ts';

describe('a refresh token', () => {
  it('names its user and session and is never the same twice', () => {
    const names = { userId: newUuid(), sessionId: newUuid() };
    const [a, b] = [newRefreshToken(names), newRefreshToken(names)];
    expect(namesInRefreshToken(a)).toEqual(names);
    expect(a).not.toBe(b);
    expect(hashOfRefreshToken(a).equals(hashOfRefreshToken(b))).toBe(false);
  });

  it.each(['', 'wrt_', 'wrt_AAAA', `wrt_${'A'.repeat(107)}!`, 'eyJhbGciOiJub25lIn0.e30.'])(
    'is not %j',
    (text) => {
      expect(namesInRefreshToken(text)).toBeUndefined();
    },
  );
});
