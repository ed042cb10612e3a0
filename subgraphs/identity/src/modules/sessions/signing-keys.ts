import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import { openSecret, sealSecret, type MasterKey } from '@weir/service/vault';
import { ACCESS_TOKEN_LIFE_MS } from './session.ts';
import { createSigningKeyStore, type SigningKey } from './signing-key-store.ts';

/** The keys that sign and prove access tokens. */
export interface SigningKeys {
  /** What signs now. */
  current(): { readonly id: Uuid; readonly privateKey: KeyObject };
  /** Undefined for a key that proves nothing: never made, or retired for longer than its tokens live. */
  publicKey(id: string): Promise<KeyObject | undefined>;
}

export interface SigningKeyRing extends SigningKeys {
  /** Those that prove tokens now or will soon, the newest first. */
  all(): readonly SigningKey[];
  /** Looks at the table again: another process has made or retired a key. */
  reload(): Promise<void>;
}

export interface SigningKeysDeps {
  readonly db: Database;
  readonly masterKey: MasterKey;
  readonly clock: Clock;
}

/** Unknown ids come from strangers, too; they make us look again at most this often. */
const RELOAD_INTERVAL_MS = 10_000;

/** So long after its retirement a key still proves what it signed: the life of a token, and clocks that differ. */
export const PROVES_ON_MS = ACCESS_TOKEN_LIFE_MS + 60_000;

const isGone = ({ retiredAt }: SigningKey, nowMs: number): boolean =>
  retiredAt !== null && nowMs >= retiredAt.getTime() + PROVES_ON_MS;

const signsAt = ({ signsFrom, retiredAt }: SigningKey, nowMs: number): boolean =>
  signsFrom.getTime() <= nowMs && (retiredAt === null || nowMs < retiredAt.getTime());

/** What binds a sealed signing key to its place. */
export const signingKeyBinding = (id: Uuid, version: number): string => `signingKey:${id}:${version}`;

export function newSigningKey(
  masterKey: MasterKey,
  createdAt: Date,
  signsFrom: Date,
): Omit<SigningKey, 'retiredAt'> {
  const id = newUuid(createdAt.getTime());
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' });
  try {
    const sealedPrivate = sealSecret(secret, masterKey, signingKeyBinding(id, 1));
    return { id, publicJwk: { kty: 'OKP', crv: 'Ed25519', x }, sealedPrivate, createdAt, signsFrom };
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
async function keysWithOneToSign({ db, masterKey, clock }: SigningKeysDeps): Promise<readonly SigningKey[]> {
  return db.$transaction(async (tx) => {
    const store = createSigningKeyStore(tx);
    await store.lockCreation();
    const keys = await store.all();
    if (keys.some((key) => signsAt(key, clock.now()))) return keys;
    const now = new Date(clock.now());
    await store.insert(newSigningKey(masterKey, now, now));
    return store.all();
  });
}

/** @throws VaultError when the master key is not the one that sealed the signing key. */
export async function openSigningKeys(deps: SigningKeysDeps): Promise<SigningKeyRing> {
  const { db, masterKey, clock } = deps;
  const store = createSigningKeyStore(db);
  const publicKeys = new Map<string, KeyObject>();
  const privateKeys = new Map<string, KeyObject>();
  let keys: readonly SigningKey[] = [];
  let nextReloadMs = 0;

  const remember = (found: readonly SigningKey[]): void => {
    const nowMs = clock.now();
    keys = found.filter((key) => !isGone(key, nowMs));
    for (const key of keys) {
      if (!publicKeys.has(key.id))
        publicKeys.set(key.id, createPublicKey({ key: key.publicJwk, format: 'jwk' }));
      if (!privateKeys.has(key.id) && (key.retiredAt === null || nowMs < key.retiredAt.getTime()))
        privateKeys.set(key.id, privateKeyOf(key, masterKey));
    }
  };
  const reload = async (): Promise<void> => {
    remember(await store.all());
  };
  remember(await keysWithOneToSign(deps));

  return {
    all: () => keys.filter((key) => !isGone(key, clock.now())),
    reload,
    current() {
      const nowMs = clock.now();
      const signing = keys.find((key) => signsAt(key, nowMs) && privateKeys.has(key.id));
      const privateKey = signing && privateKeys.get(signing.id);
      if (!privateKey) throw new Error('no key signs now');
      return { id: signing.id, privateKey };
    },
    async publicKey(id) {
      if (!keys.some((key) => key.id === id) && clock.now() >= nextReloadMs) {
        nextReloadMs = clock.now() + RELOAD_INTERVAL_MS;
        await reload();
      }
      const key = keys.find((candidate) => candidate.id === id);
      return key && !isGone(key, clock.now()) ? publicKeys.get(id) : undefined;
    },
  };
}
