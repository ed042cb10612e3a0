import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { createAccountStore } from '../accounts/account-store.ts';
import type { ApiKey } from './api-key.ts';
import { createApiKeyStore } from './api-key-store.ts';
import type { ExpiringKey, ExpirySource } from './expiry-feed.ts';

/** More than are ever told while a connection is away; the rest are in `expiringApiKeys`. */
const MISSED_MAX = 200;

async function withAccounts(tx: Transaction, apiKeys: readonly ApiKey[]): Promise<readonly ExpiringKey[]> {
  const accounts = await createAccountStore(tx).byIds(apiKeys.map(({ accountId }) => accountId));
  const byId = new Map(accounts.map((account) => [account.id, account]));
  return apiKeys.flatMap((apiKey) => {
    const account = byId.get(apiKey.accountId);
    return account ? [{ apiKey, account }] : [];
  });
}

export function createExpirySource(db: Database): ExpirySource {
  return {
    find: (organizationId, apiKeyId: Uuid) =>
      withTenant(db, { organizationId }, async (tx) =>
        (await withAccounts(tx, await createApiKeyStore(tx).byIds([apiKeyId]))).at(0),
      ),
    toldSince: (organizationId, since) =>
      withTenant(db, { organizationId }, async (tx) =>
        withAccounts(tx, await createApiKeyStore(tx).toldSince(organizationId, since, MISSED_MAX)),
      ),
  };
}
