import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { ProviderKind } from '@weir/contracts/provider-config';
import type { Uuid } from '@weir/kernel/ids';

/**
 * ENABLED serves. DEGRADED serves only when no healthy key of its Level is left. DISABLED waits for a repair: the
 * provider refused it, or somebody turned it off. KILLED was switched off in an emergency.
 */
export const PROVIDER_KEY_STATUSES = ['ENABLED', 'DEGRADED', 'DISABLED', 'KILLED'] as const;

export type ProviderKeyStatus = (typeof PROVIDER_KEY_STATUSES)[number];

/** A credential at a provider, without the secret. */
export interface ProviderKey {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  /** The root account, whose key seals the secret. */
  readonly ownerId: Uuid;
  readonly name: string;
  readonly provider: ProviderKind;
  readonly baseUrl: string;
  readonly level: number;
  readonly weight: number;
  readonly status: ProviderKeyStatus;
  /** Why it does not serve, or only in need. */
  readonly disabledReason: string | null;
  /** What only its kind needs; `providerConfigSchema` says the shape. */
  readonly config: Readonly<Record<string, unknown>>;
  /** How often its secret was replaced, plus one. */
  readonly keyVersion: number;
  readonly secretHint: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A provider key with its secret, sealed with its owner's key, which the master key seals in turn. */
export interface SealedProviderKey extends Omit<ProviderKey, 'keyVersion' | 'createdAt' | 'updatedAt'> {
  readonly secret: SealedSecret;
}

/** What a proxy last reported of a key serving one model. */
export interface ProviderKeyState {
  readonly providerKeyId: Uuid;
  readonly model: string;
  readonly state: 'AWAKE' | 'SLEEPING' | 'PROBING';
  readonly until: Date | null;
  readonly reason: string | null;
  readonly failures: number;
  readonly reportedAt: Date;
}

/** What became of the latest test of a key. */
export interface ProviderKeyTest {
  readonly providerKeyId: Uuid;
  readonly testedAt: Date;
  readonly ok: boolean;
  readonly status: number | null;
  readonly latencyMs: number;
  readonly message: string;
}

/** What binds a sealed owner's key to its place, so that it opens nowhere else. */
export function ownerKeyBinding(ownerId: Uuid, version: number): string {
  return `owner:${ownerId}:${version}`;
}

/** What binds a sealed provider secret to its place. */
export function providerKeyBinding(key: Pick<ProviderKey, 'id' | 'ownerId'>, version: number): string {
  return `providerKey:${key.ownerId}:${key.id}:${version}`;
}
