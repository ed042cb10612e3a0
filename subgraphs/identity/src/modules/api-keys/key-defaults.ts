import type { LimitSet } from '@weir/contracts/policy-snapshot';
import type { BindingNode } from '../access/access-change.ts';
import { LIMIT_NAMES } from '../access/limits.ts';
import type { OrganizationSettings } from '../organization-settings/organization-settings.ts';
import type { ApiKeyCreation } from './api-key-changes.ts';

const DAY_MS = 24 * 60 * 60_000;

/** Of the default limits those that can take effect: below a lower one they would only be refused. */
function effective(limits: LimitSet, above: readonly BindingNode[]): LimitSet {
  const names = LIMIT_NAMES.filter((name) => {
    const limit = limits[name];
    return limit != null && above.every((node) => limit <= (node.limits[name] ?? Number.POSITIVE_INFINITY));
  });
  return Object.fromEntries(names.map((name) => [name, limits[name]]));
}

/** A new key with what its organization has chosen for keys whose creator says nothing. */
export function withKeyDefaults(
  creation: ApiKeyCreation,
  { expiresInDays, limits }: OrganizationSettings['apiKeyDefaults'],
  above: readonly BindingNode[],
  nowMs: number,
): ApiKeyCreation {
  const byDefault = expiresInDays === null ? null : new Date(nowMs + expiresInDays * DAY_MS);
  return {
    ...creation,
    expiresAt: creation.expiresAt === undefined ? byDefault : creation.expiresAt,
    ...(creation.limits === undefined ? { limits: effective(limits, above) } : {}),
  };
}
