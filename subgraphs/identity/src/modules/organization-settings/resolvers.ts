import { idArgument } from '@weir/graphql/id-argument';
import { AppError } from '@weir/kernel/errors';
import type {
  MutationResolvers,
  OrganizationResolvers,
  OrganizationSettingsResolvers,
  OrganizationSettingsUpdateInput,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { limitChangesOf } from '../access/access-input.ts';
import { roleArgument, roleIdOf } from '../roles/role-id.ts';
import { systemRole } from '../roles/role.ts';
import type { SettingsChange } from './settings-rules.ts';

const Organization: Pick<OrganizationResolvers, 'settings' | 'featureEnabled'> = {
  settings: ({ settings }) => settings,
  featureEnabled: ({ settings }, { name }) =>
    Object.hasOwn(settings.featureFlags, name) && settings.featureFlags[name] === true,
};

const OrganizationSettings: Pick<OrganizationSettingsResolvers, 'mfaRequiredRoleIds' | 'featureFlags'> = {
  mfaRequiredRoleIds: ({ mfaRequiredRoles }) => mfaRequiredRoles.map((name) => roleIdOf(systemRole(name))),
  featureFlags: ({ featureFlags }) =>
    Object.entries(featureFlags)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, isOn]) => ({ name, isOn })),
};

function systemRoleArgument(text: string) {
  const role = roleArgument(text, 'mfaRequiredRoleIds');
  if (role.kind === 'SYSTEM') return role.name;
  const detail = 'List system roles only: custom roles demand a second factor as soon as any is listed.';
  throw new AppError('BAD_USER_INPUT', detail, { param: 'mfaRequiredRoleIds' });
}

function settingsChangeOf(input: OrganizationSettingsUpdateInput): SettingsChange {
  const { passwordPolicy, sessions, retention, apiKeyDefaults, budgetDefaults } = input;
  const keyLimits = apiKeyDefaults?.limits;
  return {
    passwordLengthMin: passwordPolicy?.lengthMin ?? undefined,
    sessionIdleMinutes: sessions?.idleMinutes,
    sessionsMax: sessions?.concurrentMax,
    invitationDays: input.invitations?.lifeDays ?? undefined,
    mfaRequiredRoles: input.mfaRequiredRoleIds?.map(systemRoleArgument),
    signInAllowIps: input.signInAllowIps,
    auditDays: retention?.auditDays ?? undefined,
    usageDays: retention?.usageDays ?? undefined,
    keyExpiresInDays: apiKeyDefaults?.expiresInDays,
    keyLimits: keyLimits ? limitChangesOf(keyLimits) : keyLimits,
    budgetEnforcement: budgetDefaults?.enforcement ?? undefined,
    budgetThresholds: budgetDefaults?.thresholds ?? undefined,
    budgetGraceMinutes: budgetDefaults?.graceMinutes ?? undefined,
    featureFlags: input.featureFlags?.map(({ name, isOn }) => ({ name, isOn: isOn ?? null })),
  };
}

const Mutation: Pick<MutationResolvers, 'organizationSettingsUpdate'> = {
  async organizationSettingsUpdate(_, { input }, { services, scope }) {
    const result = await services.organizations.updateSettings(scope, {
      ...settingsChangeOf(input),
      id: idArgument('organization', input.id, 'id'),
      expectedVersion: input.expectedVersion ?? undefined,
    });
    return result.ok
      ? { organization: result.value, userErrors: [] }
      : { organization: null, userErrors: [...result.error] };
  },
};

export const organizationSettingsResolvers = {
  Mutation,
  Organization,
  OrganizationSettings,
} satisfies Resolvers;
