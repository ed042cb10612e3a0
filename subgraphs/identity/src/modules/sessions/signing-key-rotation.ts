import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { auditedBySystem, recordAudit, type AuditedBy } from '@weir/graphql/audit';
import { authorizePlatform } from '@weir/graphql/platform-authorization';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { Logger } from '@weir/service/logger';
import type { MasterKey } from '@weir/service/vault';
import { createSigningKeyStore, type SigningKey } from './signing-key-store.ts';
import { newSigningKey, PROVES_ON_MS, type SigningKeyRing } from './signing-keys.ts';

/**
 * So long a new key is published before it signs. Longer than anybody may keep what `/.well-known/jwks.json` says, so
 * everybody knows it before its first token.
 */
export const OVERLAP_MS = 10 * 60_000;
const LOOK_INTERVAL_MS = 60_000;

export interface SigningKeyRotation {
  /** @throws AppError FORBIDDEN for everybody but people who operate the platform. */
  list(identity: InternalIdentity): readonly SigningKey[];
  /**
   * Replaces the key that signs, with an overlap; at once for one that somebody else may know, whose tokens are then
   * refused from now on. While a key waits to sign, it is the answer and no other is made.
   * @throws AppError FORBIDDEN.
   */
  rotate(identity: InternalIdentity, immediately: boolean): Promise<SigningKey>;
  /** Replaces a key that is older than allowed, and forgets those of which nothing is valid any more. */
  rotateWhenDue(): Promise<void>;
  /** Looks regularly whether a key is due. Returns what stops it. */
  start(log: Logger): () => void;
}

export interface SigningKeyRotationDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly keys: SigningKeyRing;
  /** Milliseconds after which a key is replaced. */
  readonly maxAgeMs: number;
}

export function createSigningKeyRotation(deps: SigningKeyRotationDeps): SigningKeyRotation {
  const { db, clock, masterKey, keys, maxAgeMs } = deps;

  /** One process at a time decides, by what the table says once it is its turn. */
  async function replace(
    by: AuditedBy,
    isWanted: (newest: SigningKey | undefined, nowMs: number) => boolean,
    immediately = false,
  ): Promise<void> {
    await db.$transaction(async (tx) => {
      const store = createSigningKeyStore(tx);
      await store.lockCreation();
      const nowMs = clock.now();
      const [newest] = await store.all();
      const isWaiting = newest !== undefined && newest.signsFrom.getTime() > nowMs;
      if (!isWanted(newest, nowMs) || (isWaiting && !immediately)) return;
      const signsFrom = new Date(immediately ? nowMs : nowMs + OVERLAP_MS);
      const next = newSigningKey(masterKey, new Date(nowMs), signsFrom);
      await store.insert(next);
      await store.retireAllBut(next.id, immediately ? new Date(nowMs - PROVES_ON_MS) : signsFrom);
      await recordAudit(tx, by, {
        organizationId: null,
        action: 'platform.signing_key.rotate',
        target: { type: 'platform', id: next.id },
        metadata: { immediately },
      });
    });
    await keys.reload();
  }

  async function rotateWhenDue(): Promise<void> {
    const isDue = (newest: SigningKey | undefined, nowMs: number): boolean =>
      newest === undefined || nowMs >= newest.createdAt.getTime() + maxAgeMs;
    if (isDue(keys.all()[0], clock.now())) await replace(auditedBySystem, isDue);
    await createSigningKeyStore(db).removeRetired(new Date(clock.now() - PROVES_ON_MS));
    await keys.reload();
  }

  return {
    list(identity) {
      authorizePlatform(identity, 'signingKey:read');
      return keys.all();
    },
    async rotate(identity, immediately) {
      authorizePlatform(identity, 'signingKey:rotate');
      await replace(identity, () => true, immediately);
      const [newest] = keys.all();
      if (!newest) throw new Error('no signing key was made');
      return newest;
    },
    rotateWhenDue,
    start(log) {
      const look = (): void => {
        rotateWhenDue().catch((err: unknown) => log.warn({ err }, 'signing keys were not looked at'));
      };
      look();
      const timer = setInterval(look, LOOK_INTERVAL_MS);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}
