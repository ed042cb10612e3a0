import type { UserErrorValue } from '@weir/graphql/user-errors';
import { userError } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { changeLists, type AccessLists, type BindingLists, type ListChanges } from './access-lists.ts';
import {
  changeLimits,
  type BindingLimits,
  type LimitProblem,
  type Limits,
  type LimitsChange,
} from './limits.ts';

/** What accounts and API keys have in common: what they allow, and how much. */
export interface AccessSettings extends Limits {
  readonly access: AccessLists;
}

export interface AccessChange extends LimitsChange {
  readonly access?: ListChanges | undefined;
}

/** A node above, whose lists and limits bind. */
export interface BindingNode extends BindingLists, BindingLimits {
  /** Of an account; undefined for the organization. */
  readonly id?: Uuid;
}

/** Codes that every feature with these settings has among its own. */
export type AccessProblemCode = 'INVALID_LIST' | 'BEYOND_PARENT' | LimitProblem['code'];
export type AccessProblem = UserErrorValue<AccessProblemCode>;

/**
 * The settings after the change, or everything that is wrong with it.
 * @param above The nodes above, the nearest first.
 */
export function changeAccess(
  current: AccessSettings,
  change: AccessChange,
  above: readonly BindingNode[],
): Result<AccessSettings, readonly AccessProblem[]> {
  const lists = changeLists(current.access, change.access ?? {}, above);
  const limits = changeLimits(current, change, above);
  if (lists.ok && limits.ok) return ok({ access: lists.value, ...limits.value });
  return err([
    ...(lists.ok
      ? []
      : lists.error.map(({ code, message, list }) => userError(code, message, 'access', list))),
    ...(limits.ok ? [] : limitErrors(limits.error)),
  ]);
}

export function limitErrors(problems: readonly LimitProblem[]): UserErrorValue<LimitProblem['code']>[] {
  return problems.map(({ code, message, path }) => userError(code, message, ...path));
}
