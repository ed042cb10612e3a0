import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type {
  ContactInput,
  MutationResolvers,
  OrganizationUpdateInput,
} from '../../generated/resolvers-types.ts';
import { limitsChangeOf } from '../access/access-input.ts';
import type { OrganizationResult } from './organization-guard.ts';
import type { ProfileChange } from './profile-rules.ts';

type Fields = 'organizationUpdate' | 'organizationChangeRevert' | 'organizationDelete';

const toPayload = (result: OrganizationResult) =>
  result.ok
    ? { organization: result.value, userErrors: [] }
    : { organization: null, userErrors: [...result.error] };

const contactOf = (input: ContactInput | null | undefined) =>
  input ? { ...input, phone: input.phone ?? null } : input;

function profileChangeOf(input: OrganizationUpdateInput): ProfileChange {
  const { contacts, address } = input;
  return {
    // What cannot be cleared: null is the same as absent.
    name: input.name ?? undefined,
    description: input.description ?? undefined,
    timeZone: input.timeZone ?? undefined,
    currency: input.currency ?? undefined,
    website: input.website,
    contacts: contacts
      ? {
          billing: contactOf(contacts.billing),
          technical: contactOf(contacts.technical),
          support: contactOf(contacts.support),
        }
      : undefined,
    address: address
      ? {
          ...address,
          lines: [...address.lines],
          region: address.region ?? null,
          postalCode: address.postalCode ?? null,
        }
      : address,
  };
}

export const organizationMutations: Pick<MutationResolvers, Fields> = {
  async organizationUpdate(_, { input }, { services, scope }) {
    return toPayload(
      await services.organizations.update(scope, {
        ...limitsChangeOf(input),
        ...profileChangeOf(input),
        id: idArgument('organization', input.id, 'id'),
        expectedVersion: input.expectedVersion ?? undefined,
      }),
    );
  },

  async organizationChangeRevert(_, { input }, { services, scope }) {
    return toPayload(
      await services.organizations.revert(scope, {
        organizationId: idArgument('organization', input.organizationId, 'organizationId'),
        changeId: idArgument('organizationChange', input.changeId, 'changeId'),
        expectedVersion: input.expectedVersion ?? undefined,
      }),
    );
  },

  async organizationDelete(_, { input }, { services, scope }) {
    const result = await services.organizations.delete(scope, {
      id: idArgument('organization', input.id, 'id'),
      confirmSlug: input.confirmSlug,
      reason: input.reason ?? undefined,
    });
    return result.ok
      ? { organizationId: encodeId('organization', result.value.id), userErrors: [] }
      : { organizationId: null, userErrors: [...result.error] };
  },
};
