import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { hashOfRecoveryCode, newRecoveryCodes } from './recovery-code.ts';

const userId = newUuid();

describe('recovery codes', () => {
  it('are ten different ones of 80 bits', () => {
    const codes = newRecoveryCodes();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/);
  });

  it('are the same however they are typed', () => {
    const hash = hashOfRecoveryCode(userId, '01ab-cdef-ghjk-mnpq');
    expect(hash).toHaveLength(32);
    for (const text of ['01ABCDEFGHJKMNPQ', ' oIab cdef ghjk mnpq ', 'Olab-cdef-ghjk-mnpq']) {
      expect(hashOfRecoveryCode(userId, text)).toEqual(hash);
    }
  });

  it('are one person’s', () => {
    const code = '01ab-cdef-ghjk-mnpq';
    expect(hashOfRecoveryCode(newUuid(), code)).not.toEqual(hashOfRecoveryCode(userId, code));
  });

  it.each(['', '123456', '01ab-cdef-ghjk-mnp', '01ab-cdef-ghjk-mnpu', 'x'.repeat(10_000)])(
    'are not %j',
    (text) => {
      expect(hashOfRecoveryCode(userId, text)).toBeUndefined();
    },
  );
});
