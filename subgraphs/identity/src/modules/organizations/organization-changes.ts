import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { limitErrors } from '../access/access-change.ts';
import { changeLimits, type LimitsChange } from '../access/limits.ts';
import { lockedOutBy } from '../organization-settings/locked-out.ts';
import { changeSettings, type SettingsChange } from '../organization-settings/settings-rules.ts';
import { changeOrganization, type ChangeOrder } from './change-organization.ts';
import type { OrganizationDeps } from './organization-deps.ts';
import type { Changeable } from './organization-fields.ts';
import type { Organization } from './organization.ts';
import { checkProfile, type OrganizationProblem, type ProfileChange } from './profile-rules.ts';
import {
  authorizeWholeOrganization,
  lockedVersion,
  type OrganizationResult,
  type Versioned,
} from './organization-guard.ts';
import { createReverting, type Revert } from './revert-change.ts';

export type OrganizationUpdate = Versioned & ProfileChange & LimitsChange;
export type SettingsUpdate = Versioned & SettingsChange;

/** What the members of an organization change of it. Each throws AppError UNAUTHENTICATED, NOT_FOUND or FORBIDDEN. */
export interface OrganizationChanges {
  update(scope: ActorScope, update: OrganizationUpdate): Promise<OrganizationResult>;
  updateSettings(scope: ActorScope, update: SettingsUpdate): Promise<OrganizationResult>;
  /** Takes a change of the profile back. */
  revert(scope: ActorScope, revert: Revert): Promise<OrganizationResult>;
}

type Check<Input> = (
  current: Organization,
  input: Input,
) => Result<Partial<Changeable>, readonly OrganizationProblem[]>;

function checkUpdate(
  current: Organization,
  update: OrganizationUpdate,
): ReturnType<Check<OrganizationUpdate>> {
  const profile = checkProfile(current, update);
  const limits = changeLimits(current, update, []);
  if (profile.ok && limits.ok) return ok({ ...profile.value, ...limits.value });
  return err([...(profile.ok ? [] : profile.error), ...(limits.ok ? [] : limitErrors(limits.error))]);
}

export function createOrganizationChanges({ db, clock }: OrganizationDeps): OrganizationChanges {
  async function apply<Input extends Versioned>(
    scope: ActorScope,
    input: Input,
    order: Pick<ChangeOrder, 'kind' | 'action'>,
    check: Check<Input>,
  ): Promise<OrganizationResult> {
    const { id } = input;
    await authorizeWholeOrganization(scope, id);
    const by: InternalIdentity = scope.identity;
    return withTenant(db, tenantOf(by), async (tx) => {
      const locked = await lockedVersion(tx, input);
      if (!locked.ok) return locked;
      const checked = check(locked.value, input);
      if (!checked.ok) return checked;
      const change = { ...order, current: locked.value, next: checked.value, nowMs: clock.now() };
      const organization = await changeOrganization(tx, by, change);
      scope.loaders.organizations.clear(id).prime(id, organization);
      return ok(organization);
    });
  }

  return {
    update: (scope, update) => apply(scope, update, { kind: 'PROFILE', action: 'org.update' }, checkUpdate),

    updateSettings: (scope, update) =>
      apply(scope, update, { kind: 'SETTINGS', action: 'org.settings_update' }, (current, change) => {
        const settings = changeSettings(current.settings, change);
        if (!settings.ok) return settings;
        const lockedOut = lockedOutBy(settings.value, scope.identity);
        return lockedOut ? err([lockedOut]) : ok({ settings: settings.value });
      }),

    revert: createReverting({ db, clock }),
  };
}
