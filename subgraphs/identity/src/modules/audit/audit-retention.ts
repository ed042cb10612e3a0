import type { Clock } from '@weir/kernel/clock';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { Logger } from '@weir/service/logger';
import { DEFAULT_SETTINGS } from '../organization-settings/organization-settings.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';

export interface AuditRetentionDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

const INTERVAL_MS = 24 * 60 * 60_000;
/** Long enough after the start that a platform which restarts often does it, too. */
const FIRST_AFTER_MS = 10 * 60_000;
const DAY_MS = 86_400_000;
/** The shortest that an organization may choose; the database refuses less. */
const DAYS_MIN = 91;
/** Removed in one transaction, which holds the head of the chain. */
const BATCH = 5_000;
const PLATFORM = '00000000-0000-0000-0000-000000000000';

async function daysOf(db: Database, chain: Uuid): Promise<number> {
  if (chain === PLATFORM) return DEFAULT_SETTINGS.retention.auditDays;
  const [organization] = await withTenant(db, { organizationId: chain }, (tx) =>
    createOrganizationStore(tx).byIds([chain]),
  );
  return organization?.settings.retention.auditDays ?? DEFAULT_SETTINGS.retention.auditDays;
}

/** Removes what is older than the retention of its organization. Returns how many events went. */
export async function purgeAuditTrails({
  db,
  clock,
}: Pick<AuditRetentionDeps, 'db' | 'clock'>): Promise<number> {
  const oldest = new Date(clock.now() - DAYS_MIN * DAY_MS);
  const chains = await db.$queryRaw<{ chain: string }[]>`
    select chain from audit.chains_older_than(${oldest}) as chain`;
  let purged = 0;
  for (const { chain } of chains) {
    const id = parseUuid(chain);
    const before = new Date(clock.now() - Math.max(DAYS_MIN, await daysOf(db, id)) * DAY_MS);
    for (let last = BATCH; last === BATCH; purged += last) {
      const [row] = await db.$queryRaw<{ gone: number }[]>`
        select audit.purge(${id}::uuid, ${before}, ${BATCH}::integer) as gone`;
      last = row?.gone ?? 0;
    }
  }
  return purged;
}

/** Once a day. Returns what stops it. */
export function startAuditRetention(deps: AuditRetentionDeps): () => void {
  const run = (): void => {
    purgeAuditTrails(deps).then(
      (purged) => {
        if (purged > 0) deps.log.info({ purged }, 'old audit events were removed');
      },
      (err: unknown) => deps.log.warn({ err }, 'old audit events were not removed'),
    );
  };
  const first = setTimeout(run, FIRST_AFTER_MS);
  const timer = setInterval(run, INTERVAL_MS);
  first.unref();
  timer.unref();
  return () => {
    clearTimeout(first);
    clearInterval(timer);
  };
}
