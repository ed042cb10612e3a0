import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chacha20 } from './chacha20.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('the key stream of ChaCha20', () => {
  it('is that of RFC 8439, section 2.4.2', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
    const text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    const sealed = chacha20(key, Buffer.from('000000000000004a00000000', 'hex'), 1, Buffer.from(text));
    expect(sealed.toString('hex')).toBe(
      '6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b357' +
        '1639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736' +
        '5af90bbf74a35be6b40b8eedf2785e42874d',
    );
  });

  it.each([
    // Appendix A.1, vectors 1, 2, 3 and 5.
    [
      '00'.repeat(32),
      '00'.repeat(12),
      0,
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
    ],
    [
      '00'.repeat(32),
      '00'.repeat(12),
      1,
      '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
    ],
    [
      `${'00'.repeat(31)}01`,
      '00'.repeat(12),
      1,
      '3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0',
    ],
    [
      '00'.repeat(32),
      `${'00'.repeat(11)}02`,
      0,
      'c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c78a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d',
    ],
  ])('is that of RFC 8439, appendix A.1: key %s, nonce %s, counter %i', (key, nonce, counter, stream) => {
    const zeros = Buffer.alloc(64);
    const out = chacha20(Buffer.from(key, 'hex'), Buffer.from(nonce, 'hex'), counter, zeros);
    expect(out.toString('hex')).toBe(stream);
  });

  it('is what OpenSSL makes of it, for any key, nonce, counter and text, and leaves all of them alone', () => {
    const counters = fc.integer({ min: 0, max: 0xffffff });
    const texts = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(bytes(32), bytes(12), counters, texts, (key, nonce, counter, text) => {
        const start = Buffer.alloc(16);
        start.writeUInt32LE(counter);
        start.set(nonce, 4);
        const given = [key, nonce, text].map((one) => Buffer.from(one));
        const out = chacha20(key, nonce, counter, text);
        expect(out.equals(createCipheriv('chacha20', key, start).update(text))).toBe(true);
        expect([key, nonce, text].map((one) => Buffer.from(one))).toEqual(given);
      }),
    );
  });
});
