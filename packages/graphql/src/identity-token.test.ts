import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { newUuid } from '@weir/kernel/ids';
import { createIdentitySigner, createIdentityVerifier } from './identity-token.ts';

const SECRET = 'a secret of more than thirty-two characters';
const NOW_MS = Date.UTC(2026, 2, 1);
const clockAt = (atMs: number) => ({ now: () => atMs });
const signer = createIdentitySigner(SECRET, clockAt(NOW_MS));
const verifierAt = (atMs: number, secret = SECRET) => createIdentityVerifier(secret, clockAt(atMs));

const identity: InternalIdentity = {
  actor: { type: 'user', userId: newUuid(), sessionId: newUuid() },
  organizationId: newUuid(),
  permissions: ['org.read'],
  requestId: 'req',
  ipAddress: '192.0.2.1',
  userAgent: null,
};

/** A token as the gateway makes it, with one thing changed. */
function forged(change: { claims?: object; issuer?: string; audience?: string; lifeSeconds?: number }) {
  const issuedAt = NOW_MS / 1000;
  return new SignJWT({ identity, ...change.claims })
    .setIssuer(change.issuer ?? 'weir-gateway')
    .setAudience(change.audience ?? 'weir-subgraph')
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + (change.lifeSeconds ?? 60));
}
const key = new TextEncoder().encode(SECRET);
const refused = (token: string) =>
  expect(verifierAt(NOW_MS).verify(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });

describe('the internal identity', () => {
  it('survives the way to the subgraph', async () => {
    expect(await verifierAt(NOW_MS).verify(await signer.sign(identity))).toEqual(identity);
  });

  it('is believed for a minute, and a few seconds of clock difference', async () => {
    const token = await signer.sign(identity);
    await expect(verifierAt(NOW_MS + 64_000).verify(token)).resolves.toBeDefined();
    await expect(verifierAt(NOW_MS - 4_000).verify(token)).resolves.toBeDefined();
    await expect(verifierAt(NOW_MS + 66_000).verify(token)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    await expect(verifierAt(NOW_MS - 60_000).verify(token)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  it('signed with another secret is refused', async () => {
    const other = createIdentitySigner('another secret of more than thirty-two', clockAt(NOW_MS));
    await refused(await other.sign(identity));
  });

  it('without a signature is refused', async () => {
    const issuedAt = NOW_MS / 1000;
    await refused(
      new UnsecuredJWT({ identity })
        .setIssuer('weir-gateway')
        .setAudience('weir-subgraph')
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + 60)
        .encode(),
    );
  });

  it('signed with another algorithm is refused, even by who knows the secret', async () => {
    await refused(
      await forged({})
        .setProtectedHeader({ alg: 'HS512' })
        .sign(new Uint8Array([...key, ...key])),
    );
    const { privateKey } = await generateKeyPair('ES256');
    await refused(await forged({}).setProtectedHeader({ alg: 'ES256' }).sign(privateKey));
  });

  it('for another audience or from another issuer is refused', async () => {
    await refused(await forged({ audience: 'weir-client' }).setProtectedHeader({ alg: 'HS256' }).sign(key));
    await refused(await forged({ issuer: 'somebody' }).setProtectedHeader({ alg: 'HS256' }).sign(key));
  });

  it('that claims a longer life counts no longer than a minute', async () => {
    const token = await forged({ lifeSeconds: 86_400 }).setProtectedHeader({ alg: 'HS256' }).sign(key);
    await expect(verifierAt(NOW_MS + 120_000).verify(token)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  it('that does not fit the contract is refused', async () => {
    const claims = { identity: { ...identity, permissions: ['everything'] } };
    await refused(await forged({ claims }).setProtectedHeader({ alg: 'HS256' }).sign(key));
    await refused('no token at all');
  });

  it('is not signed with a short secret', () => {
    expect(() => createIdentitySigner('short')).toThrow(/at least 32/);
    expect(() => createIdentityVerifier('short')).toThrow(/at least 32/);
  });
});
