import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { err, type Result } from '@weir/kernel/result';
import type { MemberErrorCode } from '../../generated/resolvers-types.ts';
import type { Membership } from './membership.ts';

export type MemberProblem = UserErrorValue<MemberErrorCode>;
export type MemberResult = Result<Membership, readonly MemberProblem[]>;

const TEXT_LENGTH_MAX = 500;

/** One refusal, as a result. */
export const refuse = (code: MemberErrorCode, message: string, ...field: readonly string[]) =>
  err([userError(code, message, ...field)] as const);

export const noSuchMember = () => refuse('NOT_FOUND', 'The organization has no member with this id.', 'id');
export const noSuchRole = () =>
  refuse('ROLE_NOT_FOUND', 'The organization has no role with this id.', 'roleId');
export const lastOwner = () =>
  refuse(
    'LAST_OWNER',
    'An organization keeps at least one active Owner: make somebody else Owner first.',
    'id',
  );

export const stillInvited = () =>
  refuse('STILL_INVITED', 'This person has not accepted yet: revoke the invitation instead.', 'id');

/** A short text by people for people, trimmed; undefined when it is empty, too long or not printable. */
export function parseShortText(text: string): string | undefined {
  const trimmed = text.trim();
  const isPrintable = !/[^\P{Cc}\n]/u.test(trimmed);
  return trimmed !== '' && trimmed.length <= TEXT_LENGTH_MAX && isPrintable ? trimmed : undefined;
}

export const SHORT_TEXT_RULE = `1 to ${TEXT_LENGTH_MAX} printable characters`;
