import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { authorize, requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { queryOfTransaction } from '../../query.ts';
import type { PriceVersion } from './price.ts';
import { checkPrice, type PriceDraft, type PriceProblem } from './price-rules.ts';
import { createPriceStore } from './price-store.ts';

export interface PriceSetting extends PriceDraft {
  readonly organizationId: Uuid;
  readonly modelId: Uuid;
}

/**
 * Prices that are agreed with one organization. They are only ever added: what was recorded names the version it was
 * charged by. A new one is in force on the next request of every proxy.
 */
export interface PriceService {
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND (another organization) or FORBIDDEN */
  set(
    identity: InternalIdentity,
    setting: PriceSetting,
  ): Promise<Result<PriceVersion, readonly PriceProblem[]>>;
  /** Takes back a version that has not begun. @throws AppError UNAUTHENTICATED or FORBIDDEN */
  withdraw(identity: InternalIdentity, id: Uuid): Promise<Result<Uuid, readonly PriceProblem[]>>;
}

export function createPriceService({
  db,
  clock,
}: {
  readonly db: Database;
  readonly clock: Clock;
}): PriceService {
  return {
    async set(identity, { organizationId, modelId, ...draft }) {
      const { actor } = identity;
      authorize(identity, 'billing:write', { organizationId });
      const checked = checkPrice(draft, clock.now());
      if (!checked.ok) return checked;
      return withTenant(db, { organizationId }, async (tx) => {
        const store = createPriceStore(queryOfTransaction(tx));
        if (actor.type === 'apiKey') await requireRoot(store, organizationId, actor.accountId);
        const model = await store.modelName(organizationId, modelId);
        if (model === undefined)
          return err([userError('NOT_FOUND', 'There is no model with this id.', 'modelId')]);
        const price = { ...checked.value, id: newUuid(clock.now()), model, isOwn: true };
        if (await store.insert(organizationId, price)) {
          await recordAudit(tx, identity, {
            organizationId,
            action: 'price.set',
            target: { type: 'price', id: price.id, name: model },
            metadata: { ...checked.value },
          });
          return ok(price);
        }
        const message =
          'A price of this tier begins at the same instant. Withdraw it first, or choose another instant.';
        return err([userError('TAKEN', message, 'validFrom')]);
      });
    },

    async withdraw(identity, id) {
      const { actor, organizationId } = identity;
      requireSignedIn(identity);
      if (organizationId === null) return noSuchPrice();
      authorize(identity, 'billing:write', { organizationId });
      return withTenant(db, { organizationId }, async (tx) => {
        const store = createPriceStore(queryOfTransaction(tx));
        if (actor.type === 'apiKey') await requireRoot(store, organizationId, actor.accountId);
        const validFromMs = await store.ownBeginning(organizationId, id);
        if (validFromMs === undefined) return noSuchPrice();
        if (validFromMs <= clock.now()) {
          const message = 'This price has begun and stays in the history. Set a new one to replace it.';
          return err([userError('ALREADY_VALID', message, 'id')]);
        }
        await store.remove(id);
        await recordAudit(tx, identity, {
          organizationId,
          action: 'price.withdraw',
          target: { type: 'price', id },
          metadata: { validFrom: new Date(validFromMs) },
        });
        return ok(id);
      });
    },
  };
}

const noSuchPrice = () =>
  err([userError('NOT_FOUND', 'The organization has no price of its own with this id.', 'id')] as const);

async function requireRoot(
  store: ReturnType<typeof createPriceStore>,
  organizationId: Uuid,
  accountId: Uuid,
): Promise<void> {
  if (await store.isRoot(organizationId, accountId)) return;
  throw new AppError('FORBIDDEN', 'Only API keys of the root account may set prices.');
}
