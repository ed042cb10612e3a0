import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { createAccessTokens } from './access-token.ts';
import { ACCESS_TOKEN_LIFE_MS } from './session.ts';
import type { SigningKeys } from './signing-keys.ts';

const ISSUER = 'https://weir.example';
const names = { userId: newUuid(), sessionId: newUuid() };

function keysWith(pair = generateKeyPairSync('ed25519')): SigningKeys & { readonly id: string } {
  const id = newUuid();
  return {
    id,
    current: () => ({ id, privateKey: pair.privateKey }),
    publicKey: (wanted) => Promise.resolve(wanted === id ? pair.publicKey : undefined),
  };
}

function tokensAt(startMs: number, keys = keysWith()) {
  let nowMs = startMs;
  return {
    ...createAccessTokens(keys, { now: () => nowMs }, ISSUER),
    advance: (ms: number) => (nowMs += ms),
    keys,
  };
}

const refused = { code: 'UNAUTHENTICATED' };

describe('an access token', () => {
  it('names its user and session for an hour', async () => {
    const tokens = tokensAt(1_800_000_000_000);
    const { text, expiresAt } = await tokens.sign(names);
    expect(await tokens.verify(text)).toEqual({ ...names, expiresAtMs: expiresAt.getTime() });
    tokens.advance(ACCESS_TOKEN_LIFE_MS - 1_000);
    await expect(tokens.verify(text)).resolves.toMatchObject(names);
    tokens.advance(1_000);
    await expect(tokens.verify(text)).rejects.toMatchObject({
      ...refused,
      detail: 'The access token has expired.',
    });
  });

  it('is refused when a stranger signed it, also under our key id', async () => {
    const ours = tokensAt(1_800_000_000_000);
    const strangers = generateKeyPairSync('ed25519');
    const { text } = await createAccessTokens(
      {
        ...keysWith(strangers),
        current: () => ({ ...ours.keys.current(), privateKey: strangers.privateKey }),
      },
      { now: () => 1_800_000_000_000 },
      ISSUER,
    ).sign(names);
    await expect(ours.verify(text)).rejects.toMatchObject(refused);
  });

  it('is refused under any other algorithm, for another audience, of another platform, and as another kind of token', async () => {
    const tokens = tokensAt(1_800_000_000_000);
    const { keys } = tokens;
    const { privateKey } = keys.current();
    const header = { alg: 'EdDSA', kid: keys.id, typ: 'at+jwt' };
    const unsigned = (audience: string, issuer = ISSUER) =>
      new SignJWT({ sid: names.sessionId })
        .setSubject(names.userId)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(1_800_000_000)
        .setExpirationTime(1_900_000_000);
    const publicBytes = (await keys.publicKey(keys.id))?.export({ format: 'der', type: 'spki' });
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const genuine = await unsigned('weir').setProtectedHeader(header).sign(privateKey);
    await expect(tokens.verify(genuine)).resolves.toMatchObject(names);

    const forged = [
      `${encode({ ...header, alg: 'none' })}.${genuine.split('.')[1] ?? ''}.`,
      await unsigned('weir')
        .setProtectedHeader({ ...header, alg: 'HS256' })
        .sign(publicBytes ?? Buffer.alloc(0)),
      await unsigned('other').setProtectedHeader(header).sign(privateKey),
      await unsigned('weir', 'https://staging.weir.example').setProtectedHeader(header).sign(privateKey),
      await unsigned('weir')
        .setProtectedHeader({ ...header, typ: 'JWT' })
        .sign(privateKey),
      await unsigned('weir')
        .setProtectedHeader({ ...header, kid: newUuid() })
        .sign(privateKey),
    ];
    for (const text of [...forged, '', 'x.y.z'])
      await expect(tokens.verify(text)).rejects.toMatchObject(refused);
  });
});
