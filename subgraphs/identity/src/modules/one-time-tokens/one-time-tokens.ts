import { createHash, hkdfSync, KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '@weir/kernel/clock';
import type { Db } from '@weir/prisma/database';
import { openSecret, sealSecret, VaultError, type MasterKey, type VaultKey } from '@weir/service/vault';

/** What a token is for; one of one kind is none of another. */
export type OneTimeKind =
  | 'oidcSignIn'
  | 'oidcLink'
  | 'secondFactor'
  | 'passkeyRegistration'
  | 'passkeySignIn'
  | 'passkeySecondFactor';

/**
 * What has to come back to us within minutes, and once: challenges and states that begin before anybody is known. A
 * token carries its own content, sealed, so that whoever begins a thousand leaves nothing with us; only a token that
 * was used with success is remembered until it expires.
 */
export interface OneTimeTokens {
  issue(kind: OneTimeKind, content: object, lifeMs: number): string;
  /** The content; undefined for what we did not issue, of another kind, or expired. Says nothing about use. */
  open(kind: OneTimeKind, token: string): unknown;
  /** Uses it up. False when somebody has before; of several at the same time one succeeds. */
  spend(db: Db, token: string): Promise<boolean>;
  /** Whether it was used up within the last hour. */
  isSpent(db: Db, token: string): Promise<boolean>;
}

export interface OneTimeTokensDeps {
  readonly masterKey: MasterKey;
  readonly clock: Clock;
}

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TOKEN_LENGTH_MAX = 8_192;
/** No token lives longer, so none is remembered longer. */
const LIFE_MAX_MS = 60 * 60_000;
/** How many that have expired each use forgets: more than one, so that they do not pile up. */
const FORGOTTEN_AT_ONCE = 10;

const hashOf = (token: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createHash('sha256').update(token).digest());

const bytesOf = (key: VaultKey): Buffer => (key instanceof KeyObject ? key.export() : key);

/** A key for each token: strangers may have any number of tokens made, and no nonce may ever repeat under one key. */
function keyOf(master: VaultKey, salt: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', bytesOf(master), salt, 'weir one-time token', 32));
}

const mastersOf = (masterKey: MasterKey): readonly VaultKey[] =>
  Array.isArray(masterKey) ? (masterKey as readonly VaultKey[]) : [masterKey as VaultKey];

function isEnvelope(value: unknown): value is { readonly until: number; readonly content: unknown } {
  return typeof value === 'object' && value !== null && 'until' in value && 'content' in value;
}

export function createOneTimeTokens({ masterKey, clock }: OneTimeTokensDeps): OneTimeTokens {
  const masters = mastersOf(masterKey);

  function unseal(kind: OneTimeKind, token: string): unknown {
    if (token.length > TOKEN_LENGTH_MAX || !/^[\w-]+$/.test(token)) return undefined;
    const bytes = Buffer.from(token, 'base64url');
    // Another spelling of the same bytes would be another token to whoever counts uses.
    if (bytes.toString('base64url') !== token) return undefined;
    const salt = bytes.subarray(0, SALT_BYTES);
    const nonce = bytes.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES).toString('base64');
    const ciphertext = bytes.subarray(SALT_BYTES + NONCE_BYTES).toString('base64');
    for (const master of masters) {
      try {
        return JSON.parse(
          openSecret({ ciphertext, nonce }, keyOf(master, salt), `oneTime:${kind}`).toString(),
        );
      } catch (thrown) {
        if (!(thrown instanceof VaultError)) throw thrown;
      }
    }
    return undefined;
  }

  return {
    issue(kind, content, lifeMs) {
      const [master] = masters;
      if (!master || lifeMs > LIFE_MAX_MS) throw new RangeError('a one-time token lives for an hour at most');
      const salt = randomBytes(SALT_BYTES);
      const envelope = JSON.stringify({ until: clock.now() + lifeMs, content });
      const { nonce, ciphertext } = sealSecret(envelope, keyOf(master, salt), `oneTime:${kind}`);
      return Buffer.concat([salt, Buffer.from(nonce, 'base64'), Buffer.from(ciphertext, 'base64')]).toString(
        'base64url',
      );
    },

    open(kind, token) {
      const envelope = unseal(kind, token);
      return isEnvelope(envelope) && clock.now() < envelope.until ? envelope.content : undefined;
    },

    async spend(db, token) {
      const tokenHash = hashOf(token);
      const nowMs = clock.now();
      await db.$executeRaw`
        delete from identity.spent_tokens where token_hash in (
          select token_hash from identity.spent_tokens where expires_at < ${new Date(nowMs)}
          order by expires_at limit ${FORGOTTEN_AT_ONCE} for update skip locked)`;
      const { count } = await db.spentToken.createMany({
        data: [{ tokenHash, expiresAt: new Date(nowMs + LIFE_MAX_MS) }],
        skipDuplicates: true,
      });
      return count === 1;
    },

    async isSpent(db, token) {
      return (await db.spentToken.count({ where: { tokenHash: hashOf(token) } })) > 0;
    },
  };
}
