import { describe, expect, it } from 'vitest';
import { isTotpCode, newTotpSecret, qrCodeOf, stepOfCode, totpUri } from './totp.ts';

/** The secret of the test vectors of RFC 6238, `12345678901234567890`, in base32. */
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

describe('the code of an authenticator app', () => {
  it.each([
    [59_000, '287082', 1],
    [1_111_111_109_000, '081804', 37_037_036],
    [20_000_000_000_000, '353130', 666_666_666],
  ])('is that of RFC 6238 at %d ms', (nowMs, code, step) => {
    expect(stepOfCode(SECRET, code, nowMs)).toBe(step);
  });

  it('is accepted one step early or late and no more', () => {
    const accepted = [-60, -30, -1, 0, 29, 30, 60].map(
      (seconds) => stepOfCode(SECRET, '081804', (1_111_111_080 + seconds) * 1_000) !== undefined,
    );
    // The step lasts from ...080 to ...110.
    expect(accepted).toEqual([false, true, true, true, true, true, false]);
  });

  it.each(['', '28708', '2870820', '28708a', '２８７０８２', ' 287082'])('is not %j', (text) => {
    expect(isTotpCode(text)).toBe(false);
    expect(stepOfCode(SECRET, text, 59_000)).toBeUndefined();
  });
});

describe('a new secret', () => {
  it('has 160 bits and is a new one each time', () => {
    const secrets = new Set(Array.from({ length: 50 }, newTotpSecret));
    expect(secrets.size).toBe(50);
    for (const secret of secrets) expect(secret).toMatch(/^[A-Z2-7]{32}$/);
  });

  it('comes with its parameters and as an image', () => {
    const uri = new URL(totpUri(SECRET, 'ada@example.org'));
    expect(uri.protocol).toBe('otpauth:');
    expect(decodeURIComponent(uri.pathname)).toContain('Weir:ada@example.org');
    expect(Object.fromEntries(uri.searchParams)).toMatchObject({ secret: SECRET, issuer: 'Weir' });
    const [kind, data = ''] = qrCodeOf(uri.href).split(',');
    expect(kind).toBe('data:image/svg+xml;base64');
    expect(Buffer.from(data, 'base64').toString()).toMatch(/^<svg.*<\/svg>$/s);
  });
});
