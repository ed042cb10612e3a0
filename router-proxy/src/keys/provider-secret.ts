import { createSecretKey } from 'node:crypto';
import type { SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import { AppError } from '@weir/kernel/errors';
import { openSecret } from '@weir/service/vault';

export type OpenProviderSecret = (key: SnapshotProviderKey) => string;

/**
 * Opens a provider key's secret for one call: the owner's key with the master key, the secret with the owner's key.
 * Nothing is kept, and every buffer that held a secret is overwritten.
 * @throws AppError NO_PROVIDER_KEY when it does not open, which means another master key or altered rows.
 */
export function createProviderSecretOpener(masterKey: Buffer): OpenProviderSecret {
  const master = createSecretKey(masterKey);
  return (key) => {
    try {
      const ownerKey = openSecret(key.ownerKey, master, `owner:${key.ownerId}:${key.ownerKey.version}`);
      try {
        const bound = `providerKey:${key.ownerId}:${key.id}:${key.secret.version}`;
        const secret = openSecret(key.secret, ownerKey, bound);
        const text = secret.toString('utf8');
        secret.fill(0);
        return text;
      } finally {
        ownerKey.fill(0);
      }
    } catch (cause) {
      throw new AppError(
        'NO_PROVIDER_KEY',
        'The provider key of this model cannot be used. Tell the operator.',
        {
          message: `provider key ${key.id} does not open`,
          cause,
        },
      );
    }
  };
}
