import { auditedBySystem, recordAudit } from '@weir/graphql/audit';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { Logger } from '@weir/service/logger';
import { createImpersonationStore } from './impersonation-store.ts';

const INTERVAL_MS = 60_000;

export interface ImpersonationExpiryDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

/** False when there is none. One at a time: an event holds the head of its organization's trail until the end. */
function recordOne({ db, clock }: Omit<ImpersonationExpiryDeps, 'log'>): Promise<boolean> {
  return withTenant(db, {}, async (tx) => {
    const expired = await createImpersonationStore(tx).takeExpired(new Date(clock.now()));
    if (!expired) return false;
    const { id, organizationId, supportEmail, expiresAt } = expired;
    await recordAudit(tx, auditedBySystem, {
      organizationId,
      action: 'support.impersonation.stop',
      target: { type: 'impersonation', id, name: supportEmail },
      metadata: { expired: true, expiresAt },
    });
    return true;
  });
}

/** Puts the end of impersonations that ended by themselves into the trails of their organizations, once each. */
export async function recordExpiredImpersonations(deps: Omit<ImpersonationExpiryDeps, 'log'>): Promise<void> {
  while (await recordOne(deps));
}

/** Every minute; several processes share the work. Returns what stops it. */
export function startImpersonationExpiry(deps: ImpersonationExpiryDeps): () => void {
  const run = (): void => {
    recordExpiredImpersonations(deps).catch((err: unknown) => {
      deps.log.warn({ err }, 'the end of expired impersonations was not recorded');
    });
  };
  const timer = setInterval(run, INTERVAL_MS);
  timer.unref();
  run();
  return () => {
    clearInterval(timer);
  };
}
