import type { SystemRole } from '@weir/contracts/permission-matrix';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { parseAccessList } from '@weir/kernel/acl';
import { err, ok, type Result } from '@weir/kernel/result';
import type { OrganizationErrorCode } from '../../generated/resolvers-types.ts';
import { changeLimits, type LimitChanges } from '../access/limits.ts';
import type { OrganizationSettings } from './organization-settings.ts';

type Problem = UserErrorValue<OrganizationErrorCode>;

/** Undefined leaves a member as it is; null clears it where it can be cleared. */
export interface SettingsChange {
  readonly passwordLengthMin?: number | undefined;
  readonly sessionIdleMinutes?: number | null | undefined;
  readonly sessionsMax?: number | null | undefined;
  readonly invitationDays?: number | undefined;
  readonly mfaRequiredRoles?: readonly SystemRole[] | undefined;
  readonly signInAllowIps?: readonly string[] | null | undefined;
  readonly auditDays?: number | undefined;
  readonly usageDays?: number | undefined;
  readonly keyExpiresInDays?: number | null | undefined;
  readonly keyLimits?: LimitChanges | null | undefined;
  readonly budgetEnforcement?: OrganizationSettings['budgetDefaults']['enforcement'] | undefined;
  readonly budgetThresholds?: readonly number[] | undefined;
  readonly budgetGraceMinutes?: number | undefined;
  /** On or off by name; null forgets a flag, which then is off. */
  readonly featureFlags?: readonly { readonly name: string; readonly isOn: boolean | null }[] | undefined;
}

/** The bounds of whole numbers, by the path of the input member. */
const BOUNDS = {
  passwordLengthMin: { path: ['passwordPolicy', 'lengthMin'], min: 12, max: 128 },
  sessionIdleMinutes: { path: ['sessions', 'idleMinutes'], min: 5, max: 1_440 },
  sessionsMax: { path: ['sessions', 'concurrentMax'], min: 1, max: 100 },
  invitationDays: { path: ['invitations', 'lifeDays'], min: 1, max: 30 },
  auditDays: { path: ['retention', 'auditDays'], min: 365, max: 3_650 },
  usageDays: { path: ['retention', 'usageDays'], min: 30, max: 3_650 },
  keyExpiresInDays: { path: ['apiKeyDefaults', 'expiresInDays'], min: 1, max: 3_650 },
  budgetGraceMinutes: { path: ['budgetDefaults', 'graceMinutes'], min: 0, max: 10_080 },
} as const;

const THRESHOLDS_MAX = 10;
const FLAGS_MAX = 100;
const FLAG_NAME = /^[a-z][a-z0-9_.-]{0,63}$/;

function numberProblems(change: SettingsChange): Problem[] {
  return (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).flatMap((name) => {
    const { path, min, max } = BOUNDS[name];
    const value = change[name];
    if (value === undefined || value === null || (Number.isInteger(value) && value >= min && value <= max))
      return [];
    return [
      userError('INVALID_SETTING' as const, `It must be a whole number from ${min} to ${max}.`, ...path),
    ];
  });
}

function thresholdProblems(thresholds: readonly number[] | undefined): Problem[] {
  if (thresholds === undefined) return [];
  const ascends = thresholds.every((value, index) => value > (thresholds[index - 1] ?? 0));
  const fits =
    thresholds.length <= THRESHOLDS_MAX &&
    thresholds.every((value) => Number.isInteger(value) && value <= 100);
  if (ascends && fits) return [];
  const message = `Give at most ${THRESHOLDS_MAX} percentages from 1 to 100, ascending, without repetition.`;
  return [userError('INVALID_SETTING', message, 'budgetDefaults', 'thresholds')];
}

function flagsAfter(
  current: OrganizationSettings['featureFlags'],
  changes: NonNullable<SettingsChange['featureFlags']>,
): Result<OrganizationSettings['featureFlags'], readonly Problem[]> {
  const flags = new Map(Object.entries(current));
  for (const [index, { name, isOn }] of changes.entries()) {
    if (!FLAG_NAME.test(name)) {
      const message = 'A flag is called by 1 to 64 small letters, digits, dots, hyphens and underscores.';
      return err([userError('INVALID_SETTING', message, 'featureFlags', String(index), 'name')]);
    }
    if (isOn === null) flags.delete(name);
    else flags.set(name, isOn);
  }
  if (flags.size > FLAGS_MAX) {
    return err([userError('INVALID_SETTING', `At most ${FLAGS_MAX} flags can be kept.`, 'featureFlags')]);
  }
  return ok(Object.fromEntries(flags));
}

/** The settings after the change, or everything that is wrong with it. */
export function changeSettings(
  current: OrganizationSettings,
  change: SettingsChange,
): Result<OrganizationSettings, readonly Problem[]> {
  const ips = change.signInAllowIps === undefined ? ok(current.signInAllowIps) : parseAccessList('allowIps', change.signInAllowIps); // prettier-ignore
  const limits = changeLimits({ limits: current.apiKeyDefaults.limits, modelLimits: [] }, { limits: change.keyLimits }, []); // prettier-ignore
  const flags = flagsAfter(current.featureFlags, change.featureFlags ?? []);
  const problems: Problem[] = [
    ...numberProblems(change),
    ...thresholdProblems(change.budgetThresholds),
    ...(ips.ok ? [] : [userError('INVALID_SETTING' as const, ips.error, 'signInAllowIps')]),
    ...(limits.ok
      ? []
      : limits.error.map(({ code, message, path }) => userError(code, message, 'apiKeyDefaults', ...path))),
    ...(flags.ok ? [] : flags.error),
  ];
  if (problems.length > 0 || !ips.ok || !limits.ok || !flags.ok) return err(problems);
  const or = <Value>(given: Value | undefined, present: Value): Value =>
    given === undefined ? present : given;
  const { passwordPolicy, sessions, retention, apiKeyDefaults, budgetDefaults } = current;
  return ok({
    passwordPolicy: { lengthMin: or(change.passwordLengthMin, passwordPolicy.lengthMin) },
    sessions: {
      idleMinutes: or(change.sessionIdleMinutes, sessions.idleMinutes),
      concurrentMax: or(change.sessionsMax, sessions.concurrentMax),
    },
    invitations: { lifeDays: or(change.invitationDays, current.invitations.lifeDays) },
    mfaRequiredRoles: [...new Set(change.mfaRequiredRoles ?? current.mfaRequiredRoles)],
    signInAllowIps: ips.value === null ? null : [...ips.value],
    retention: {
      auditDays: or(change.auditDays, retention.auditDays),
      usageDays: or(change.usageDays, retention.usageDays),
    },
    apiKeyDefaults: {
      expiresInDays: or(change.keyExpiresInDays, apiKeyDefaults.expiresInDays),
      limits: limits.value.limits,
    },
    budgetDefaults: {
      enforcement: or(change.budgetEnforcement, budgetDefaults.enforcement),
      thresholds: [...(change.budgetThresholds ?? budgetDefaults.thresholds)],
      graceMinutes: or(change.budgetGraceMinutes, budgetDefaults.graceMinutes),
    },
    featureFlags: flags.value,
  });
}
