import { z } from 'zod';
import { limitSetSchema, modelLimitSchema } from '@weir/contracts/policy-snapshot';
import { addressSchema, contactsSchema } from './organization-profile.ts';
import type { Organization } from './organization.ts';

/** What can change of an organization, in one level: settings by their group, as `settings.sessions`. */
const PLAIN_FIELDS = [
  'name',
  'description',
  'website',
  'contacts',
  'address',
  'timeZone',
  'currency',
  'limits',
  'modelLimits',
  'planTier',
  'status',
  'deletedAt',
] as const satisfies readonly (keyof Organization)[];

type PlainField = (typeof PLAIN_FIELDS)[number];

/** The parts of an organization that changes consist of. */
export type Changeable = Pick<Organization, PlainField | 'settings'>;

/** Values by field, as JSON keeps them. */
export type FieldValues = Readonly<Record<string, unknown>>;

const SETTINGS_PREFIX = 'settings.';

function fieldsOf(part: Partial<Changeable>): FieldValues {
  const plain = PLAIN_FIELDS.filter((name) => name in part).map((name) => [name, part[name]]);
  const settings = Object.entries(part.settings ?? {}).map(([group, value]) => [
    SETTINGS_PREFIX + group,
    value,
  ]);
  return Object.fromEntries([...plain, ...settings]) as FieldValues;
}

/** One text per value, whatever the order of an object's members. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

export interface FieldChanges {
  readonly fields: readonly string[];
  readonly before: FieldValues;
  readonly after: FieldValues;
}

/** The fields of `next` that have another value than before. */
export function fieldChanges(current: Organization, next: Partial<Changeable>): FieldChanges {
  const [before, after] = [fieldsOf(current), fieldsOf(next)];
  const fields = Object.keys(after).filter(
    (name) => canonicalJson(before[name]) !== canonicalJson(after[name]),
  );
  const only = (values: FieldValues) =>
    Object.fromEntries(fields.map((name) => [name, values[name] ?? null]));
  return { fields, before: only(before), after: only(after) };
}

/** The value that a field has now. */
export function valueOf(organization: Organization, field: string): unknown {
  return fieldsOf(organization)[field] ?? null;
}

const valuesSchema = z
  .object({
    name: z.string(),
    description: z.string(),
    website: z.string().nullable(),
    contacts: contactsSchema,
    address: addressSchema.nullable(),
    timeZone: z.string(),
    currency: z.string(),
    limits: limitSetSchema,
    modelLimits: z.array(modelLimitSchema),
  })
  .partial();

/** Values of the profile and the limits as they were kept. */
export function changeableOf(values: FieldValues): Partial<Changeable> {
  const parsed = valuesSchema.parse(values);
  // A member that is not given must not be there at all.
  return Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== undefined));
}
