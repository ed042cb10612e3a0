import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';

export const PROVIDERS = ['openai', 'azure', 'anthropic', 'vertex'] as const;

export type Provider = (typeof PROVIDERS)[number];

/** A credential at a provider. Its secret is sealed with its owner's key, which the master key seals in turn. */
export interface ProviderKey {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  /** The root account, whose key seals the secret. */
  readonly ownerId: Uuid;
  readonly name: string;
  readonly provider: Provider;
  readonly baseUrl: string;
  readonly level: number;
  readonly weight: number;
  readonly config: Readonly<Record<string, unknown>>;
  readonly secret: SealedSecret;
}

/** What binds a sealed owner's key to its place, so that it opens nowhere else. */
export function ownerKeyBinding(ownerId: Uuid, version: number): string {
  return `owner:${ownerId}:${version}`;
}

/** What binds a sealed provider secret to its place. */
export function providerKeyBinding(key: Pick<ProviderKey, 'id' | 'ownerId'>, version: number): string {
  return `providerKey:${key.ownerId}:${key.id}:${version}`;
}
