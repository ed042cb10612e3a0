import { recordAudit } from '@weir/graphql/audit';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { openProviderSecret } from './owner-key.ts';
import { ownerKeyRing } from './owner-key-ring.ts';
import { reachableProviderKey } from './provider-key-access.ts';
import { noSuchProviderKey, targetOf } from './provider-key-changes.ts';
import type { ProviderKeyDeps } from './provider-key-deps.ts';
import { createProviderKeyReports } from './provider-key-reports.ts';
import type { ProviderKeyProblem } from './provider-key-rules.ts';
import { createProviderKeyStore } from './provider-key-store.ts';
import type { ProviderKey, ProviderKeyTest } from './provider-key.ts';

export interface ProviderKeyTests {
  /** Asks the provider whether the key works, keeps the result and changes nothing else. */
  test(scope: ActorScope, id: Uuid): Promise<Result<TestedProviderKey, readonly ProviderKeyProblem[]>>;
}

export interface TestedProviderKey {
  readonly providerKey: ProviderKey;
  readonly test: ProviderKeyTest;
}

/** Each may take ten seconds of a connection; more at once are nobody's testing. */
const RUNNING_MAX = 20;

export function createProviderKeyTests({ db, clock, masterKey, probe }: ProviderKeyDeps): ProviderKeyTests {
  let running = 0;

  /** Opened for this one call and kept nowhere. */
  async function secretOf(scope: ActorScope, key: ProviderKey): Promise<string | undefined> {
    return withTenant(db, tenantOf(scope.identity), async (tx) => {
      const sealed = await createProviderKeyStore(tx).secretOf(key.id);
      return (
        sealed && openProviderSecret(key.id, sealed, await ownerKeyRing(tx, key.organizationId, masterKey))
      );
    });
  }

  async function run(scope: ActorScope, key: ProviderKey) {
    const secret = await secretOf(scope, key);
    if (secret === undefined) return noSuchProviderKey();
    const testedAt = new Date(clock.now());
    const test = { providerKeyId: key.id, testedAt, ...(await probe.ask(key, secret)) };
    await withTenant(db, tenantOf(scope.identity), async (tx) => {
      // It may have been deleted, or its secret replaced, while the provider was thinking.
      const now = await createProviderKeyStore(tx).lock(key.id);
      if (now?.keyVersion === key.keyVersion)
        await createProviderKeyReports(tx).saveTest(key.organizationId, test);
      await recordAudit(tx, scope.identity, {
        organizationId: key.organizationId,
        action: 'providerkey.test',
        target: targetOf(key),
        result: test.ok ? 'SUCCESS' : 'FAILURE',
        metadata: { status: test.status, message: test.message },
      });
    });
    scope.loaders.providerKeyTests.clear(key.id).prime(key.id, test);
    return ok({ providerKey: key, test });
  }

  return {
    async test(scope, id) {
      requireSignedIn(scope.identity);
      const key = await reachableProviderKey(scope, id, 'providerKey:write');
      if (!key) return noSuchProviderKey();
      if (running >= RUNNING_MAX) {
        return err([
          userError('BUSY', 'Too many provider keys are being tested. Try again in a few seconds.'),
        ]);
      }
      running += 1;
      try {
        return await run(scope, key);
      } finally {
        running -= 1;
      }
    },
  };
}
