import { authorize, canSee } from '@weir/graphql/authorization';
import {
  connectionOf,
  pageOf,
  type Connection,
  type ConnectionArgs,
  type KeysetOrder,
} from '@weir/graphql/connection';
import { AppError } from '@weir/kernel/errors';
import { isUuid, type Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import type { Model } from './model.ts';
import { createModelStore, type ModelPosition } from './model-store.ts';

export interface ModelService {
  /**
   * Null when there is none that the actor can see.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  byId(scope: ActorScope, id: Uuid): Promise<Model | null>;
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages. */
  list(scope: ActorScope, organizationId: Uuid, args: ConnectionArgs): Promise<Connection<Model>>;
}

const ORDER: KeysetOrder<Model> = {
  name: 'models.name',
  keyCount: 2,
  keysOf: (model) => [model.name, model.id],
};

function positionOf(keys: readonly string[] | undefined): ModelPosition | undefined {
  if (keys === undefined) return undefined;
  const [name = '', id = ''] = keys;
  if (!isUuid(id) || /\p{Cc}/u.test(name))
    throw new AppError('BAD_USER_INPUT', 'after must be an endCursor of the same list.', { param: 'after' });
  return { name, id };
}

export function createModelService({ db }: { readonly db: Database }): ModelService {
  return {
    async byId({ identity, loaders }, id) {
      const model = await loaders.models.load(id);
      const organizationId = model?.organizationId ?? identity.organizationId;
      if (!model || organizationId === null) return null;
      return canSee(identity, 'organization:read', { organizationId }) ? model : null;
    },

    async list({ identity }, organizationId, args) {
      authorize(identity, 'organization:read', { organizationId });
      const page = pageOf(args, ORDER);
      const after = positionOf(page.after);
      const rows = await withTenant(db, tenantOf(identity), (tx) =>
        createModelStore(tx).list({ organizationId, after, take: page.take }),
      );
      return connectionOf(rows, page, ORDER);
    },
  };
}
