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
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import {
  createInvitationAcceptance,
  type AcceptanceDeps,
  type InvitationAcceptance,
} from './invitation-acceptance.ts';
import {
  createInvitationChanges,
  type InvitationChanges,
  type InvitationDeps,
} from './invitation-changes.ts';
import {
  createInvitationPreviews,
  type InvitationPreviewDeps,
  type InvitationPreviews,
} from './invitation-preview.ts';
import { createInvitationStore } from './invitation-store.ts';
import type { Invitation, InvitationStatus } from './invitation.ts';
import { createMemberChanges, type MemberChanges, type MemberDeps } from './member-changes.ts';
import { createMemberFactorReset, type MemberFactorReset } from './member-factor-reset.ts';
import {
  createMemberQueries,
  type MemberFilter,
  type MemberOrder,
  type MemberPosition,
} from './member-query.ts';
import { createMembershipStore } from './membership-store.ts';
import type { Membership } from './membership.ts';

export interface MemberReads {
  /**
   * Members and invited people.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages.
   */
  list(
    scope: ActorScope,
    organizationId: Uuid,
    filter: MemberFilter,
    order: MemberOrder,
    args: ConnectionArgs,
  ): Promise<CountedMembers>;
  /**
   * The newest first.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages.
   */
  invitations(
    scope: ActorScope,
    organizationId: Uuid,
    status: InvitationStatus | undefined,
    args: ConnectionArgs,
  ): Promise<Connection<Invitation>>;
  /**
   * What an invited person was sent; null for everybody else.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  invitationOf(scope: ActorScope, membership: Membership): Promise<Invitation | null>;
  /** The membership that an invitation leads or led to; null when it is gone. */
  ofInvitation(scope: ActorScope, invitation: Invitation): Promise<Membership | null>;
}

export type CountedMembers = Connection<Membership> & { readonly totalCount: number };
export type MemberService = MemberReads &
  MemberChanges &
  MemberFactorReset &
  InvitationChanges &
  InvitationPreviews &
  InvitationAcceptance;

const INVITATIONS = creationOrder<Invitation>('invitations.createdAt');

const orderOf = (order: MemberOrder): KeysetOrder<MemberPosition> => ({
  name: `members.${order}`,
  keyCount: 2,
  keysOf: ({ key, id }) => [key, id],
});

/** @throws AppError BAD_USER_INPUT for a cursor that was tampered with. */
function positionOf(keys: readonly string[] | undefined): MemberPosition | undefined {
  if (keys === undefined) return undefined;
  const [key = '', id = ''] = keys;
  if (isUuid(id)) return { key, id };
  throw new AppError('BAD_USER_INPUT', 'after must be an endCursor of the same list.', { param: 'after' });
}

function createMemberReads({ db }: MemberDeps): MemberReads {
  return {
    async list(scope, organizationId, filter, order, args) {
      authorize(scope.identity, 'member:read', { organizationId });
      const keyset = orderOf(order);
      const page = pageOf(args, keyset);
      const query = { ...filter, organizationId, order, after: positionOf(page.after), take: page.take };
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const queries = createMemberQueries(tx);
        const positions = connectionOf(await queries.page(query), page, keyset);
        const members = await createMembershipStore(tx).byIds(positions.nodes.map(({ id }) => id));
        const byId = new Map(members.map((member) => [member.id, member]));
        const edges = positions.edges.flatMap(({ cursor, node: { id } }) => {
          const node = byId.get(id);
          return node ? [{ cursor, node }] : [];
        });
        const nodes = edges.map(({ node }) => node);
        return { edges, nodes, pageInfo: positions.pageInfo, totalCount: await queries.count(query) };
      });
    },

    async invitations(scope, organizationId, status, args) {
      authorize(scope.identity, 'member:read', { organizationId });
      const page = pageOf(args, INVITATIONS);
      const query = { organizationId, status, after: creationPosition(page.after), take: page.take };
      const rows = await withTenant(db, tenantOf(scope.identity), (tx) =>
        createInvitationStore(tx).list(query),
      );
      return connectionOf(rows, page, INVITATIONS);
    },

    async invitationOf(scope, { id, organizationId, status }) {
      if (status !== 'INVITED' || !canSee(scope.identity, 'member:read', { organizationId })) return null;
      return scope.loaders.invitations.load(id);
    },

    ofInvitation: (scope, { id }) => scope.loaders.membershipsById.load(id),
  };
}

export function createMemberService(
  deps: InvitationDeps & InvitationPreviewDeps & AcceptanceDeps,
): MemberService {
  return {
    ...createMemberReads(deps),
    ...createMemberChanges(deps),
    ...createMemberFactorReset(deps),
    ...createInvitationChanges(deps),
    ...createInvitationPreviews(deps),
    ...createInvitationAcceptance(deps),
  };
}
