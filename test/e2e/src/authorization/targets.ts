import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import { aModel, aPrice, insertRow } from '@weir/testkit/postgres-tenant';
import type { ValueOf } from '../every-field.ts';

/** Public ids of one thing of each kind, all of one organization. */
export interface Targets {
  readonly organization: string;
  readonly rootAccount: string;
  readonly account: string;
  readonly apiKey: string;
  readonly budget: string;
  readonly model: string;
  readonly price: string;
  readonly providerKey: string;
  readonly user: string;
  /** The person's address. */
  readonly email: string;
  readonly membership: string;
  readonly session: string;
  readonly invitation: string;
  readonly role: string;
  readonly auditEvent: string;
  readonly oidcProvider: string;
  readonly organizationChange: string;
  readonly serviceAccount: string;
  readonly impersonation: string;
  readonly oauthClient: string;
}

/** An organization to write into, past its services. */
export interface Place {
  readonly client: pg.Client;
  readonly organizationId: Uuid;
  readonly rootAccountId: Uuid;
  /** A new provider key; how one is sealed is up to the place. */
  addProviderKey(): Promise<string>;
}

async function addPerson({
  client,
  organizationId,
}: Place): Promise<
  Pick<Targets, 'user' | 'email' | 'membership' | 'session' | 'invitation' | 'oauthClient'>
> {
  const [userId, membershipId, sessionId, invitationId] = [newUuid(), newUuid(), newUuid(), newUuid()];
  const email = `target-${userId}@example.org`;
  const invited = `invited-${invitationId}@example.org`;
  const soon = new Date(Date.now() + 3_600_000);
  await insertRow(client, 'identity.users', { id: userId, email, display_name: `Target ${userId}` });
  await insertRow(client, 'identity.memberships', { id: membershipId, organization_id: organizationId, user_id: userId, role: 'ANALYST' }); // prettier-ignore
  await insertRow(client, 'identity.sessions', { id: sessionId, organization_id: organizationId, user_id: userId, refresh_token_hash: randomBytes(32), expires_at: soon }); // prettier-ignore
  await insertRow(client, 'identity.memberships', { id: invitationId, organization_id: organizationId, email: invited, role: 'ANALYST', status: 'INVITED' }); // prettier-ignore
  await insertRow(client, 'identity.invitations', { id: invitationId, organization_id: organizationId, email: invited, token_hash: randomBytes(32), invited_by: userId, sent_at: new Date(0), expires_at: soon }); // prettier-ignore
  const oauthClientId = newUuid();
  await insertRow(client, 'identity.oauth_clients', { id: oauthClientId, organization_id: organizationId, name: 'Target', secret_hash: randomBytes(32), created_by: userId }); // prettier-ignore
  return {
    user: encodeId('user', userId),
    email,
    membership: encodeId('membership', membershipId),
    session: encodeId('session', sessionId),
    invitation: encodeId('invitation', invitationId),
    oauthClient: encodeId('oauthClient', oauthClientId),
  };
}

async function addAccess({
  client,
  organizationId,
  rootAccountId,
}: Place): Promise<Pick<Targets, 'account' | 'apiKey' | 'role'>> {
  const [accountId, apiKeyId, roleId] = [newUuid(), newUuid(), newUuid()];
  const secret = newVirtualKey();
  await insertRow(client, 'identity.accounts', {
    id: accountId,
    organization_id: organizationId,
    parent_id: rootAccountId,
    dna: `.${rootAccountId}.`,
    kind: 'TEAM',
    name: `Target ${accountId}`,
  });
  await insertRow(client, 'identity.api_keys', {
    id: apiKeyId,
    organization_id: organizationId,
    account_id: accountId,
    name: `Target ${apiKeyId}`,
    key_hash: createHash('sha256').update(secret).digest(),
    ...visibleParts(secret),
    scopes: ['inference:read'],
  });
  await insertRow(client, 'identity.roles', {
    id: roleId,
    organization_id: organizationId,
    name: `Target ${roleId}`,
    description: '',
    permissions: ['org.read'],
  });
  return {
    account: encodeId('account', accountId),
    apiKey: encodeId('apiKey', apiKeyId),
    role: encodeId('role', roleId),
  };
}

async function addMoney({
  client,
  organizationId,
}: Place): Promise<Pick<Targets, 'budget' | 'model' | 'price'>> {
  const budgetId = newUuid();
  const name = `target-${budgetId}`;
  const model = aModel(organizationId, name);
  const price = aPrice(organizationId, name, Date.now() + 86_400_000, 1);
  await insertRow(client, 'identity.models', model);
  await insertRow(client, 'billing.prices', price);
  await insertRow(client, 'billing.budgets', {
    id: budgetId,
    organization_id: organizationId,
    node_kind: 'ORGANIZATION',
    node_id: organizationId,
    name,
    metric: 'COST',
    limit_amount: '9007199254740991',
    period: 'MONTHLY',
    enforcement: 'WARN',
  });
  return {
    budget: encodeId('budget', budgetId),
    model: encodeId('model', model.id),
    price: encodeId('price', price.id),
  };
}

async function addEvent({ client, organizationId }: Place): Promise<string> {
  await client.query(
    `select audit.record($1, 'system', null, null, 'org.update', 'organization', $2, 'Target', 'SUCCESS', null, null, null, '{}')`,
    [organizationId, organizationId],
  );
  const { rows } = await client.query<{ id: Uuid }>(
    'select id from audit.events where chain_id = $1 order by sequence desc limit 1',
    [organizationId],
  );
  const [event] = rows;
  if (!event) throw new Error('an event that was just recorded is there');
  return encodeId('auditEvent', event.id);
}

async function addSettings({
  client,
  organizationId,
}: Place): Promise<Pick<Targets, 'oidcProvider' | 'organizationChange'>> {
  const [providerId, changeId] = [newUuid(), newUuid()];
  await insertRow(client, 'identity.oidc_providers', {
    id: providerId,
    organization_id: organizationId,
    name: 'Target',
    issuer: `https://${providerId}.example`,
    email_domains: [`${providerId}.example`],
    client_id: 'weir',
    ciphertext: 'c2VhbGVk',
    nonce: 'bm9uY2U=',
  });
  await insertRow(client, 'identity.organization_changes', {
    id: changeId,
    organization_id: organizationId,
    kind: 'PROFILE',
    actor_kind: 'PLATFORM',
    fields: ['description'],
    before: '{"description": ""}',
    after: '{"description": "Target"}',
    version: 1,
  });
  return {
    oidcProvider: encodeId('oidcProvider', providerId),
    organizationChange: encodeId('organizationChange', changeId),
  };
}

async function addHelp({
  client,
  organizationId,
  rootAccountId,
}: Place): Promise<Pick<Targets, 'serviceAccount' | 'impersonation'>> {
  const [accountId, consentId, impersonationId] = [newUuid(), newUuid(), newUuid()];
  const soon = new Date(Date.now() + 3_600_000);
  await insertRow(client, 'identity.accounts', {
    id: accountId,
    organization_id: organizationId,
    parent_id: rootAccountId,
    dna: `.${rootAccountId}.`,
    kind: 'SERVICE_ACCOUNT',
    name: `Target ${accountId}`,
    role: 'ANALYST',
  });
  await insertRow(client, 'identity.support_consents', {
    id: consentId,
    organization_id: organizationId,
    token_hash: randomBytes(32),
    granted_by: newUuid(),
    expires_at: soon,
  });
  await insertRow(client, 'identity.impersonations', {
    id: impersonationId,
    organization_id: organizationId,
    consent_id: consentId,
    support_user_id: newUuid(),
    support_name: 'Support',
    support_email: 'support@example.org',
    session_id: newUuid(),
    reason: 'a question about limits',
    expires_at: soon,
  });
  return {
    serviceAccount: encodeId('account', accountId),
    impersonation: encodeId('impersonation', impersonationId),
  };
}

/** Writes one fresh thing of each kind. */
export async function addTargets(place: Place): Promise<Targets> {
  return {
    organization: encodeId('organization', place.organizationId),
    rootAccount: encodeId('account', place.rootAccountId),
    ...(await addPerson(place)),
    ...(await addAccess(place)),
    ...(await addMoney(place)),
    ...(await addSettings(place)),
    ...(await addHelp(place)),
    providerKey: await place.addProviderKey(),
    auditEvent: await addEvent(place),
  };
}

/** Which thing an id means that is called `id`, by the beginning of the field or input that takes it. */
const KINDS: readonly (readonly [RegExp, keyof Targets])[] = [
  [/^(Query\.)?account/i, 'account'],
  [/^apiKey/i, 'apiKey'],
  [/^(Query\.)?auditEvent/i, 'auditEvent'],
  [/^(Query\.)?budget/i, 'budget'],
  [/^invitation/i, 'invitation'],
  [/^member/i, 'membership'],
  [/^model/i, 'model'],
  [/^impersonation/i, 'impersonation'],
  [/^oauthClient/i, 'oauthClient'],
  [/^oidcProvider/i, 'oidcProvider'],
  [/^serviceAccount/i, 'serviceAccount'],
  [/^(Query\.)?organization/i, 'organization'],
  [/^price/i, 'price'],
  [/^providerKey/i, 'providerKey'],
  [/^role/i, 'role'],
  [/^session/i, 'session'],
];

/** By the name of the member that takes the id. */
const NAMES: Readonly<Record<string, keyof Targets>> = {
  organizationId: 'organization',
  accountId: 'account',
  parentId: 'rootAccount',
  apiKeyId: 'apiKey',
  modelId: 'model',
  changeId: 'organizationChange',
  userId: 'user',
  actorId: 'user',
  targetId: 'account',
  ids: 'account',
};

/** Of WebAuthn: an id of no passkey, and what no browser has made, in the shape of both answers. */
const PASSKEY: Readonly<Record<string, string>> = {
  id: JSON.stringify(encodeId('passkey', newUuid())),
  credential: `{ id: "AA", rawId: "AA", type: "public-key",
    response: { clientDataJSON: "AA", attestationObject: "AA", authenticatorData: "AA", signature: "AA" } }`,
};

/** Arguments that name the targets wherever an id is wanted, and nothing else that exists. */
export function valuesOf(targets: Targets): ValueOf {
  return (coordinate) => {
    const name = coordinate.split('.').at(-1) ?? '';
    if (name === 'roleId' || name === 'defaultRoleId') return '"rol_analyst"';
    if (name === 'start') return JSON.stringify(new Date(Date.now() - 3_600_000));
    if (name === 'end') return JSON.stringify(new Date());
    if (coordinate.startsWith('Passkey')) return PASSKEY[name];
    if (name === 'after') return undefined;
    const kind = name === 'id' ? KINDS.find(([prefix]) => prefix.test(coordinate))?.[1] : NAMES[name];
    return kind === undefined ? undefined : JSON.stringify(targets[kind]);
  };
}
