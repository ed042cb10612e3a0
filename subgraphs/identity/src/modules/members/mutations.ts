import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type { MutationResolvers } from '../../generated/resolvers-types.ts';
import { roleArgument } from '../roles/role-id.ts';
import type { MemberResult } from './member-rules.ts';

type MemberMutations = Pick<
  MutationResolvers,
  | 'memberInvite'
  | 'invitationResend'
  | 'invitationRevoke'
  | 'invitationAccept'
  | 'memberRoleSet'
  | 'memberSuspend'
  | 'memberReactivate'
  | 'memberSecondFactorsReset'
  | 'memberRemove'
  | 'memberLeave'
>;

function toPayload(result: MemberResult) {
  return result.ok
    ? { membership: result.value, userErrors: [] }
    : { membership: null, userErrors: result.error };
}

function toRemoval(result: MemberResult) {
  return result.ok
    ? { removedId: encodeId('membership', result.value.id), userErrors: [] }
    : { removedId: null, userErrors: result.error };
}

export const memberMutations: MemberMutations = {
  async memberInvite(_, { input }, { services, scope }) {
    const draft = {
      organizationId: idArgument('organization', input.organizationId, 'organizationId'),
      email: input.email,
      role: roleArgument(input.roleId, 'roleId'),
      message: input.message ?? undefined,
    };
    return toPayload(await services.members.invite(scope, draft));
  },

  async invitationResend(_, { input }, { services, scope }) {
    return toPayload(await services.members.resend(scope, idArgument('invitation', input.id, 'id')));
  },

  async invitationRevoke(_, { input }, { services, scope }) {
    const result = await services.members.revoke(scope, idArgument('invitation', input.id, 'id'));
    return result.ok
      ? { revokedId: encodeId('invitation', result.value.id), userErrors: [] }
      : { revokedId: null, userErrors: result.error };
  },

  async invitationAccept(_, { input }, { services, scope }) {
    const result = await services.members.accept(scope, {
      token: input.token,
      displayName: input.displayName ?? undefined,
      password: input.password ?? undefined,
    });
    return result.ok
      ? { membershipId: encodeId('membership', result.value.id), userErrors: [] }
      : { membershipId: null, userErrors: result.error };
  },

  async memberRoleSet(_, { input }, { services, scope }) {
    const change = {
      id: idArgument('membership', input.id, 'id'),
      role: roleArgument(input.roleId, 'roleId'),
      expectedVersion: input.expectedVersion,
    };
    return toPayload(await services.members.setRole(scope, change));
  },

  async memberSuspend(_, { input }, { services, scope }) {
    const id = idArgument('membership', input.id, 'id');
    return toPayload(await services.members.suspend(scope, id, input.reason));
  },

  async memberReactivate(_, { input }, { services, scope }) {
    return toPayload(await services.members.reactivate(scope, idArgument('membership', input.id, 'id')));
  },

  async memberSecondFactorsReset(_, { input }, { services, scope }) {
    const id = idArgument('membership', input.id, 'id');
    return toPayload(await services.members.resetSecondFactors(scope, id));
  },

  async memberRemove(_, { input }, { services, scope }) {
    const id = idArgument('membership', input.id, 'id');
    return toRemoval(await services.members.remove(scope, id, input.confirmation));
  },

  async memberLeave(_, { input }, { services, scope }) {
    const organizationId = idArgument('organization', input.organizationId, 'organizationId');
    return toRemoval(await services.members.leave(scope, organizationId, input.confirmation));
  },
};
