import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { authorize, canSee } from '@weir/graphql/authorization';
import { filterEvents } from '@weir/graphql/filter-events';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import { reachOf } from '../../reach.ts';
import type { TenantReader } from '../../tenant-reader.ts';
import type { AlertFeed } from './alert-feed.ts';
import { createAlertStore } from './alert-store.ts';
import type { AlertSource } from './alert-topic.ts';
import type { BudgetAlert } from './budget-alert.ts';

export interface AlertService {
  /** Latest first; undefined when the actor may not see the organization. */
  list(
    identity: InternalIdentity,
    organizationId: Uuid,
    page: { take: number; before: bigint | undefined },
  ): Promise<readonly BudgetAlert[] | undefined>;
  /**
   * @param after Id of the last alert that the subscriber has; from now on without one.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND (another organization), FORBIDDEN, or BAD_USER_INPUT for an `after` that
   * is no alert of the organization
   */
  watch(
    identity: InternalIdentity,
    organizationId: Uuid,
    after: Uuid | undefined,
  ): Promise<AsyncGenerator<BudgetAlert>>;
}

/** Reads alerts, a page at a time, each as one organization may see them. */
export function createAlertSource(reader: TenantReader): AlertSource {
  return {
    after: (organizationId, seq, take) =>
      reader.read(organizationId, (query) => createAlertStore(query).after(organizationId, seq, take)),
    latest: (organizationId) =>
      reader.read(organizationId, (query) => createAlertStore(query).latest(organizationId)),
  };
}

export function createAlertService({
  reader,
  feed,
}: {
  reader: TenantReader;
  feed: AlertFeed;
}): AlertService {
  return {
    async list(identity, organizationId, { take, before }) {
      if (!canSee(identity, 'budget:read', { organizationId })) return undefined;
      return reader.read(organizationId, (query) =>
        createAlertStore(query).list(
          organizationId,
          take,
          before,
          reachOf(query, identity, organizationId).top,
        ),
      );
    },
    async watch(identity, organizationId, after) {
      authorize(identity, 'budget:read', { organizationId });
      const isWithin = (alert: BudgetAlert): Promise<boolean> =>
        identity.actor.type === 'user'
          ? Promise.resolve(true)
          : reader.read(organizationId, async (query) => {
              const place = await reachOf(query, identity, organizationId).placeOf(alert.nodeId);
              return place !== null;
            });
      const [last] =
        after === undefined
          ? []
          : await reader.read(organizationId, (query) => createAlertStore(query).find([after]));
      if (after !== undefined && (!last || !(await isWithin(last)))) {
        throw new AppError(
          'BAD_USER_INPUT',
          'after must be the id of an alert of this organization; leave it out to begin now.',
          { param: 'after' },
        );
      }
      return filterEvents(await feed.subscribe(identity.actor, organizationId, last?.seq), isWithin);
    },
  };
}
