import { encodeId } from '@weir/kernel/ids';
import type {
  InvitationResolvers,
  MembershipResolvers,
  OrganizationResolvers,
  QueryResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { roleArgument } from '../roles/role-id.ts';
import { isOpen } from './invitation.ts';
import { memberMutations as Mutation } from './mutations.ts';

/** Of an invitation that cannot be accepted. */
const TELLS_NOTHING = {
  organizationName: null,
  email: null,
  roleName: null,
  expiresAt: null,
  hasAccount: null,
};

const Query: Pick<QueryResolvers, 'invitationPreview'> = {
  async invitationPreview(_, { token }, { services, scope }) {
    return { ...TELLS_NOTHING, ...(await services.members.preview(scope, token)) };
  },
};

const Organization: Pick<OrganizationResolvers, 'members' | 'invitations'> = {
  members: ({ id }, { filter, orderBy, ...args }, { services, scope }) => {
    const { status, roleId, text } = filter ?? {};
    const wanted = {
      status: status ?? undefined,
      role: roleId === undefined || roleId === null ? undefined : roleArgument(roleId, 'filter.roleId'),
      text: text ?? undefined,
    };
    return services.members.list(scope, id, wanted, orderBy, args);
  },
  invitations: ({ id }, { status, ...args }, { services, scope }) =>
    services.members.invitations(scope, id, status ?? undefined, args),
};

type MembershipFields = Pick<
  MembershipResolvers,
  'id' | 'organization' | 'user' | 'email' | 'invitation' | 'lastSignInAt' | 'isMfaEnrolled'
>;

const Membership: MembershipFields = {
  id: ({ id }) => encodeId('membership', id),
  organization: ({ organizationId }, _, { services, scope }) =>
    services.organizations.byId(scope, organizationId),
  user: ({ userId }, _, { services, scope }) => (userId === null ? null : services.users.byId(scope, userId)),
  email: async ({ userId, email }, _, { services, scope }) =>
    userId === null ? email : ((await services.users.byId(scope, userId))?.email ?? null),
  invitation: (membership, _, { services, scope }) => services.members.invitationOf(scope, membership),
  lastSignInAt: async ({ id }, _, { scope }) => (await scope.loaders.lastSignIns.load(id))?.at ?? null,
  isMfaEnrolled: async ({ userId }, _, { scope }) =>
    userId === null ? null : (await scope.loaders.mfaEnrollments.load(userId)) !== null,
};

const Invitation: Pick<InvitationResolvers, 'id' | 'invitedBy' | 'membership' | 'isExpired'> = {
  id: ({ id }) => encodeId('invitation', id),
  invitedBy: ({ invitedBy }, _, { services, scope }) => services.users.byId(scope, invitedBy),
  membership: (invitation, _, { services, scope }) => services.members.ofInvitation(scope, invitation),
  isExpired: (invitation, _, { clock }) =>
    invitation.status === 'PENDING' && !isOpen(invitation, clock.now()),
};

export const memberResolvers = { Query, Organization, Membership, Invitation, Mutation } satisfies Resolvers;
