import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createOneTimeTokens } from './one-time-tokens.ts';

function tokensAt(startMs: number, masterKey: Buffer | readonly [Buffer, ...Buffer[]] = randomBytes(32)) {
  let nowMs = startMs;
  return {
    ...createOneTimeTokens({ masterKey, clock: { now: () => nowMs } }),
    advance: (ms: number) => (nowMs += ms),
  };
}

describe('a one-time token', () => {
  it('gives its content back until it expires', () => {
    const tokens = tokensAt(1_000);
    const token = tokens.issue('passkeySignIn', { challenge: 'abc' }, 5_000);
    expect(token).not.toContain('abc');
    tokens.advance(4_999);
    expect(tokens.open('passkeySignIn', token)).toEqual({ challenge: 'abc' });
    tokens.advance(1);
    expect(tokens.open('passkeySignIn', token)).toBeUndefined();
  });

  it('is of no other kind, of no other platform, and cannot be altered', () => {
    const tokens = tokensAt(0);
    const token = tokens.issue('passkeySignIn', { challenge: 'abc' }, 5_000);
    expect(tokens.open('passkeyRegistration', token)).toBeUndefined();
    expect(tokensAt(0).open('passkeySignIn', token)).toBeUndefined();
    for (let at = 0; at < token.length; at += 7) {
      const other = token.charAt(at) === 'A' ? 'B' : 'A';
      expect(tokens.open('passkeySignIn', token.slice(0, at) + other + token.slice(at + 1))).toBeUndefined();
    }
    for (const end of ['A', 'x', '=', 'AA', 'xyz']) {
      expect(tokens.open('passkeySignIn', token + end), end).toBeUndefined();
    }
    for (const text of ['', 'x', 'ä', 'A'.repeat(100_000)])
      expect(tokens.open('passkeySignIn', text)).toBeUndefined();
  });

  it('survives a change of the master key', () => {
    const [former, next] = [randomBytes(32), randomBytes(32)];
    const token = tokensAt(0, former).issue('passkeySignIn', { n: 1 }, 5_000);
    expect(tokensAt(0, [next, former]).open('passkeySignIn', token)).toEqual({ n: 1 });
  });
});
