import type { Authenticated } from '@weir/contracts/internal-identity';
import type { TestClient, TestIdentity } from '../../test-identity.ts';

const MEMBERSHIP =
  'membership { id email status version role { id } suspension { reason } invitation { id } }';
const ERRORS = 'userErrors { code }';

/** Mutations of members with everything that tests look at. */
const DOCUMENTS = {
  memberInvite: `mutation ($input: MemberInviteInput!) { it: memberInvite(input: $input) { ${MEMBERSHIP} ${ERRORS} } }`,
  invitationResend: `mutation ($input: InvitationResendInput!) { it: invitationResend(input: $input) { ${MEMBERSHIP} ${ERRORS} } }`,
  invitationRevoke: `mutation ($input: InvitationRevokeInput!) { it: invitationRevoke(input: $input) { revokedId ${ERRORS} } }`,
  invitationAccept: `mutation ($input: InvitationAcceptInput!) { it: invitationAccept(input: $input) { membershipId ${ERRORS} } }`,
  memberRoleSet: `mutation ($input: MemberRoleSetInput!) { it: memberRoleSet(input: $input) { ${MEMBERSHIP} ${ERRORS} } }`,
  memberSuspend: `mutation ($input: MemberSuspendInput!) { it: memberSuspend(input: $input) { ${MEMBERSHIP} ${ERRORS} } }`,
  memberReactivate: `mutation ($input: MemberReactivateInput!) { it: memberReactivate(input: $input) { ${MEMBERSHIP} ${ERRORS} } }`,
  memberSecondFactorsReset: `mutation ($input: MemberSecondFactorsResetInput!) { it: memberSecondFactorsReset(input: $input) { ${MEMBERSHIP} ${ERRORS} } }`,
  memberRemove: `mutation ($input: MemberRemoveInput!) { it: memberRemove(input: $input) { removedId ${ERRORS} } }`,
  memberLeave: `mutation ($input: MemberLeaveInput!) { it: memberLeave(input: $input) { removedId ${ERRORS} } }`,
} as const;

export interface MemberPayload {
  readonly membership?: {
    readonly id: string;
    readonly email: string;
    readonly status: string;
    readonly version: number;
    readonly role: { readonly id: string };
    readonly suspension: { readonly reason: string } | null;
    readonly invitation: { readonly id: string } | null;
  } | null;
  readonly membershipId?: string | null;
  readonly removedId?: string | null;
  readonly revokedId?: string | null;
  readonly userErrors: readonly { readonly code: string }[];
}

/** Runs a mutation of members. Rejects with the code of a top-level error. */
export async function change(
  identity: TestIdentity,
  name: keyof typeof DOCUMENTS,
  input: object,
  as?: Omit<Authenticated, 'expiresAtMs'>,
  client?: TestClient,
): Promise<MemberPayload> {
  const answer = await identity.graphql(DOCUMENTS[name], { input }, as, client);
  const [error] = answer.errors ?? [];
  if (error) throw Object.assign(new Error(error.message), { code: error.extensions.code });
  return answer.data?.['it'] as MemberPayload;
}

export const codesOf = ({ userErrors }: MemberPayload): string[] => userErrors.map(({ code }) => code);
