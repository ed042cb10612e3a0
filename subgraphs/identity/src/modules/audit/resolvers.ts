import { AUDIT_ACTOR_TYPES, type AuditActorType as ActorType } from '@weir/contracts/audit';
import { idArgument } from '@weir/graphql/id-argument';
import { userError } from '@weir/graphql/user-errors';
import { encodeId } from '@weir/kernel/ids';
import type {
  AuditActorResolvers,
  AuditActorType,
  AuditEventFilter,
  AuditExportResolvers,
  AuditEventResolvers,
  AuditProblemResolvers,
  AuditTargetResolvers,
  AuditVerificationResolvers,
  MutationResolvers,
  OrganizationResolvers,
  QueryResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { actorIdOf, hexOf, targetIdOf } from './audit-event.ts';
import { conditionsOf } from './audit-filter.ts';
import type { TrailOwner } from './trail.ts';
import type { ChainAnchor, ChainProblem } from './audit-verification.ts';

const ACTOR_TYPES = {
  user: 'USER',
  apiKey: 'API_KEY',
  client: 'CLIENT',
  service: 'SERVICE',
  system: 'SYSTEM',
  anonymous: 'ANONYMOUS',
} as const satisfies Record<ActorType, AuditActorType>;

const PROBLEMS: Readonly<Record<ChainProblem['kind'], string>> = {
  MISSING: 'was removed.',
  CHANGED: 'is not what was written.',
  BROKEN_LINK: 'does not follow the event before it.',
  TRUNCATED: 'and those after it were removed from the end of the trail.',
  HEAD_CHANGED: 'is the last one, but the head of the trail names another.',
  CHECKPOINT_UNATTESTED: 'and those before it were removed, and not by retention.',
  ANCHOR_MISMATCH: 'is not there as it was noted.',
};

const ANCHORS_MAX = 100;

const conditions = (filter: AuditEventFilter | null | undefined) =>
  conditionsOf(
    filter && {
      ...filter,
      actorType: AUDIT_ACTOR_TYPES.find((type) => ACTOR_TYPES[type] === filter.actorType),
    },
  );

const Query: Pick<QueryResolvers, 'auditEvent' | 'platformAuditEvents'> = {
  auditEvent: (_, { id }, { services, scope }) =>
    services.audit.byId(scope, idArgument('auditEvent', id, 'id')),
  platformAuditEvents: (_, { filter, ...page }, { services, scope }) =>
    services.audit.list(scope, null, conditions(filter), page),
};

const Organization: Pick<OrganizationResolvers, 'auditEvents'> = {
  auditEvents: ({ id }, { filter, ...page }, { services, scope }) =>
    services.audit.list(scope, id, conditions(filter), page),
};

const AuditEvent: Pick<
  AuditEventResolvers,
  '__resolveReference' | 'id' | 'actor' | 'target' | 'hash' | 'previousHash'
> = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.audit.byId(scope, idArgument('auditEvent', id, 'id')),
  id: ({ id }) => encodeId('auditEvent', id),
  actor: (event) => event,
  target: (event) => event,
  hash: ({ hash }) => hexOf(hash),
  previousHash: ({ previousHash }) => hexOf(previousHash),
};

const AuditActor: AuditActorResolvers = {
  type: ({ actorType }) => ACTOR_TYPES[actorType],
  id: actorIdOf,
  name: ({ actorName }) => actorName,
  sessionId: ({ sessionId }) => sessionId && encodeId('session', sessionId),
};

const AuditTarget: AuditTargetResolvers = {
  type: ({ targetType }) => targetType,
  id: targetIdOf,
  name: ({ targetName }) => targetName,
};

const AuditVerification: Pick<AuditVerificationResolvers, 'isIntact'> = {
  isIntact: ({ problem }) => problem === null,
};

const AuditProblem: Pick<AuditProblemResolvers, 'eventId' | 'message'> = {
  eventId: ({ eventId }) => eventId && encodeId('auditEvent', eventId),
  message: ({ kind, sequence }) => `Event ${String(sequence)} ${PROBLEMS[kind]}`,
};

const AuditExport: Pick<AuditExportResolvers, 'id' | 'format' | 'sha256'> = {
  id: ({ id }) => encodeId('auditExport', id),
  format: ({ selection }) => selection.format,
  sha256: ({ sha256 }) => hexOf(sha256),
};

const ownerOf = (organizationId: string | null | undefined): TrailOwner =>
  organizationId == null ? null : idArgument('organization', organizationId, 'organizationId');

const isAnchor = ({ sequence, hash }: ChainAnchor): boolean =>
  sequence > 0n && sequence < 2n ** 62n && /^[0-9a-f]{64}$/i.test(hash);

const Mutation: Pick<MutationResolvers, 'auditExport' | 'auditVerify'> = {
  async auditVerify(_, { input }, { services, scope }) {
    const owner = ownerOf(input.organizationId);
    const anchors = input.anchors ?? [];
    if (anchors.length > ANCHORS_MAX || !anchors.every(isAnchor)) {
      const message = `Give at most ${ANCHORS_MAX} anchors, each with the sequence and hash of an event.`;
      return { verification: null, userErrors: [userError('INVALID_ANCHOR', message, 'anchors')] };
    }
    return { verification: await services.audit.verify(scope, owner, anchors), userErrors: [] };
  },

  async auditExport(_, { input }, { services, scope }) {
    const { organizationId, filter, format } = input;
    const result = await services.audit.exports.create(
      scope,
      ownerOf(organizationId),
      conditions(filter),
      format ?? 'NDJSON',
    );
    return result.ok ? { export: result.value, userErrors: [] } : { export: null, userErrors: result.error };
  },
};

export const auditResolvers = {
  Query,
  Mutation,
  Organization,
  AuditEvent,
  AuditActor,
  AuditExport,
  AuditTarget,
  AuditVerification,
  AuditProblem,
} satisfies Resolvers;
