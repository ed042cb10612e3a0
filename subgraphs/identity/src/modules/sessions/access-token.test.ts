import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { createAccessTokens } from './access-token.ts';
import { ACCESS_TOKEN_LIFE_MS } from './session.ts';
import type { SigningKeys } from './signing-keys.ts';

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
  return { ...createAccessTokens(keys, { now: () => nowMs }), advance: (ms: number) => (nowMs += ms), keys };
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
    ).sign(names);
    await expect(ours.verify(text)).rejects.toMatchObject(refused);
  });

  it('is refused under any other algorithm, for another audience, and as another kind of token', async () => {
    const { verify, keys } = tokensAt(1_800_000_000_000);
    const base = () =>
      new SignJWT({ sid: names.sessionId }).setSubject(names.userId).setIssuedAt(1_800_000_000).setExpirationTime('9999999999'); // prettier-ignore
    const header = { kid: keys.id, typ: 'at+jwt' };
    const { privateKey } = keys.current();
    const none = `${btoa(JSON.stringify({ ...header, alg: 'none' }))}.${btoa(JSON.stringify({ sub: names.userId }))}.`;
    const publicDer = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
    const forged = [
      none,
      await base().setIssuer('weir-identity').setAudience('weir').setProtectedHeader({ ...header, alg: 'HS256' }).sign(publicDer),
      await base().setIssuer('weir-identity').setAudience('other').setProtectedHeader({ ...header, alg: 'EdDSA' }).sign(privateKey),
      await base().setIssuer('weir-identity').setAudience('weir').setProtectedHeader({ alg: 'EdDSA', kid: keys.id }).sign(privateKey),
    ]; // prettier-ignore
    for (const text of [...forged, '', 'x.y.z']) await expect(verify(text)).rejects.toMatchObject(refused);
  });
});
