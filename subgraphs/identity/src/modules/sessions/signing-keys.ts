import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import { openSecret, sealSecret, type MasterKey } from '@weir/service/vault';
import { createSigningKeyStore, type SigningKey } from './signing-key-store.ts';

/** The keys that sign and prove access tokens. */
export interface SigningKeys {
  /** What signs now. */
  current(): { readonly id: Uuid; readonly privateKey: KeyObject };
  /** Undefined when no such key was ever made. Another process's new key is found, too. */
  publicKey(id: string): Promise<KeyObject | undefined>;
}

export interface SigningKeysDeps {
  readonly db: Database;
  readonly masterKey: MasterKey;
  readonly clock: Clock;
}

/** Unknown ids come from strangers, too; they make us look again at most this often. */
const RELOAD_INTERVAL_MS = 10_000;

/** What binds a sealed signing key to its place. */
export const signingKeyBinding = (id: Uuid, version: number): string => `signingKey:${id}:${version}`;

function newSigningKey(masterKey: MasterKey): Omit<SigningKey, 'retiredAt'> {
  const id = newUuid();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' });
  try {
    const sealedPrivate = sealSecret(secret, masterKey, signingKeyBinding(id, 1));
    return { id, publicJwk: { kty: 'OKP', crv: 'Ed25519', x }, sealedPrivate };
  } finally {
    secret.fill(0);
  }
}

function privateKeyOf({ id, sealedPrivate }: SigningKey, masterKey: MasterKey): KeyObject {
  const secret = openSecret(sealedPrivate, masterKey, signingKeyBinding(id, sealedPrivate.version));
  try {
    return createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' });
  } finally {
    secret.fill(0);
  }
}

/** Makes the first key when there is none; of processes that start together only one does. */
async function keysWithOneToSign({ db, masterKey }: SigningKeysDeps): Promise<readonly SigningKey[]> {
  return db.$transaction(async (tx) => {
    const store = createSigningKeyStore(tx);
    await store.lockCreation();
    const keys = await store.all();
    if (keys.some((key) => key.retiredAt === null)) return keys;
    await store.insert(newSigningKey(masterKey));
    return store.all();
  });
}

/** @throws VaultError when the master key is not the one that sealed the signing key. */
export async function openSigningKeys(deps: SigningKeysDeps): Promise<SigningKeys> {
  const { db, masterKey, clock } = deps;
  const store = createSigningKeyStore(db);
  const publicKeys = new Map<string, KeyObject>();
  let nextReloadMs = 0;

  const remember = (keys: readonly SigningKey[]): void => {
    for (const { id, publicJwk } of keys) {
      if (!publicKeys.has(id)) publicKeys.set(id, createPublicKey({ key: publicJwk, format: 'jwk' }));
    }
  };
  const initial = await keysWithOneToSign(deps);
  remember(initial);
  const signing = initial.find((key) => key.retiredAt === null);
  if (!signing) throw new Error('no signing key was made');
  const current = { id: signing.id, privateKey: privateKeyOf(signing, masterKey) };

  return {
    current: () => current,
    async publicKey(id) {
      if (!publicKeys.has(id) && clock.now() >= nextReloadMs) {
        nextReloadMs = clock.now() + RELOAD_INTERVAL_MS;
        remember(await store.all());
      }
      return publicKeys.get(id);
    },
  };
}
