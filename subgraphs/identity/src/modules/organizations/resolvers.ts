import { idArgument } from '@weir/graphql/id-argument';
import { AppError } from '@weir/kernel/errors';
import { encodeId } from '@weir/kernel/ids';
import type {
  OrganizationChangeResolvers,
  OrganizationResolvers,
  QueryResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { organizationMutations } from './mutations.ts';
import { effectiveLimits } from './organization.ts';

type OwnFields = Pick<
  OrganizationResolvers,
  '__resolveReference' | 'id' | 'contacts' | 'effectiveLimits' | 'changes'
>;

const Query: Pick<QueryResolvers, 'organization'> = {
  organization(_, { id, slug }, { services, scope }) {
    if ((id == null) === (slug == null)) {
      throw new AppError('BAD_USER_INPUT', 'Give either an id or a slug.', { param: 'id' });
    }
    return id == null
      ? services.organizations.bySlug(scope, (slug ?? '').trim().toLowerCase())
      : services.organizations.byId(scope, idArgument('organization', id, 'id'));
  },
};

const Organization: OwnFields = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.organizations.byId(scope, idArgument('organization', id, 'id')),
  id: ({ id }) => encodeId('organization', id),
  contacts: ({ contacts: { billing = null, technical = null, support = null } }) => ({
    billing,
    technical,
    support,
  }),
  effectiveLimits: (organization) => effectiveLimits(organization).limits,
  changes: ({ id }, args, { services, scope }) => services.organizations.changes(scope, id, args),
};

const OrganizationChange: Required<Omit<OrganizationChangeResolvers, '__isTypeOf'>> = {
  id: ({ id }) => encodeId('organizationChange', id),
  kind: ({ kind }) => kind,
  changedAt: ({ createdAt }) => createdAt,
  changedAs: ({ actorKind }) => actorKind,
  changedBy: ({ actorKind, actorId }, _, { services, scope }) =>
    actorKind === 'USER' && actorId !== null ? services.users.byId(scope, actorId) : null,
  fields: ({ fields, before, after }) =>
    fields.map((name) => ({
      name,
      before: JSON.stringify(before[name] ?? null),
      after: JSON.stringify(after[name] ?? null),
    })),
  version: ({ version }) => version,
  revertsId: ({ revertsId }) => (revertsId === null ? null : encodeId('organizationChange', revertsId)),
};

export const organizationResolvers = {
  Query,
  Organization,
  OrganizationChange,
  Mutation: organizationMutations,
} satisfies Resolvers;
