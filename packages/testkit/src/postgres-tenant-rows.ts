import { randomBytes } from 'node:crypto';
import { newUuid } from '@weir/kernel/ids';
import type pg from 'pg';
import {
  aBudget,
  aModel,
  anOwnerKey,
  aPrice,
  aProviderKey,
  insertRow,
  type Row,
  type Tenant,
} from './postgres-tenant.ts';

/** One row of a tenant in every table that `seedTenant` leaves empty. */
export async function fillTenant(client: pg.ClientBase | pg.Pool, tenant: Tenant): Promise<void> {
  const { organizationId, ownerId, apiKeyId } = tenant;
  const userId = newUuid();
  const budgetId = newUuid();
  const consentId = newUuid();
  const providerKeyId = newUuid();
  const usage = { organization_id: organizationId, model: 'demo', provider: 'openai' };
  const rows: readonly (readonly [string, Row])[] = [
    ['identity.users', { id: userId, email: `${userId}@example.com`, display_name: 'Person' }],
    [
      'identity.memberships',
      { id: newUuid(), organization_id: organizationId, user_id: userId, role: 'OWNER' },
    ],
    [
      'identity.person_tokens',
      {
        id: newUuid(),
        user_id: userId,
        kind: 'PASSWORD_RESET',
        token_hash: randomBytes(32),
        expires_at: new Date(Date.now() + 60_000),
      },
    ],
    [
      'identity.sessions',
      {
        id: newUuid(),
        organization_id: organizationId,
        user_id: userId,
        refresh_token_hash: randomBytes(32),
        expires_at: new Date(Date.now() + 60_000),
      },
    ],
    [
      'identity.organization_changes',
      {
        id: newUuid(),
        organization_id: organizationId,
        kind: 'PROFILE',
        actor_kind: 'USER',
        actor_id: userId,
        fields: ['name'],
        before: '{"name": "Before"}',
        after: '{"name": "After"}',
        version: 2,
      },
    ],
    [
      'identity.roles',
      {
        id: newUuid(),
        organization_id: organizationId,
        name: 'Auditor',
        description: 'Looks.',
        permissions: ['org.read', 'audit.read'],
      },
    ],
    [
      'identity.invitations',
      {
        id: newUuid(),
        organization_id: organizationId,
        email: `${newUuid()}@example.com`,
        token_hash: randomBytes(32),
        invited_by: userId,
        sent_at: new Date(),
        expires_at: new Date(Date.now() + 60_000),
      },
    ],
    [
      'identity.oauth_clients',
      {
        id: newUuid(),
        organization_id: organizationId,
        name: 'Dashboard',
        secret_hash: randomBytes(32),
        created_by: userId,
      },
    ],
    [
      'identity.oidc_providers',
      {
        id: newUuid(),
        organization_id: organizationId,
        name: 'Provider',
        issuer: 'https://id.example.com',
        client_id: 'weir',
        ciphertext: 'c2VhbGVk',
        nonce: 'bm9uY2U=',
        email_domains: ['example.com'],
      },
    ],
    [
      'identity.support_consents',
      {
        id: consentId,
        organization_id: organizationId,
        token_hash: randomBytes(32),
        granted_by: userId,
        expires_at: new Date(Date.now() + 60_000),
      },
    ],
    [
      'identity.impersonations',
      {
        id: newUuid(),
        organization_id: organizationId,
        consent_id: consentId,
        support_user_id: newUuid(),
        support_name: 'Support',
        support_email: 'support@example.com',
        session_id: newUuid(),
        reason: 'a question about limits',
        expires_at: new Date(Date.now() + 60_000),
      },
    ],
    [
      'audit.exports',
      {
        id: newUuid(),
        chain_id: organizationId,
        token_hash: randomBytes(32),
        format: 'CSV',
        conditions: '{}',
        events: 0,
        bytes: 0,
        sha256: randomBytes(32),
        created_by: 'test',
        created_at: new Date(),
        expires_at: new Date(Date.now() + 3_600_000),
      },
    ],
    ['identity.owner_keys', anOwnerKey(tenant)],
    ['identity.provider_keys', aProviderKey(tenant, { id: providerKeyId })],
    [
      'identity.provider_key_states',
      {
        provider_key_id: providerKeyId,
        organization_id: organizationId,
        model: 'demo',
        state: 'AWAKE',
        reported_at: new Date(),
      },
    ],
    [
      'identity.provider_key_tests',
      {
        provider_key_id: providerKeyId,
        organization_id: organizationId,
        tested_at: new Date(),
        ok: true,
        latency_ms: 1,
        message: 'It works.',
      },
    ],
    ['identity.models', aModel(organizationId, 'demo')],
    ['billing.prices', aPrice(organizationId, 'demo', 0, 1)],
    ['billing.budgets', aBudget(tenant, 'ORGANIZATION', organizationId, { id: budgetId })],
    [
      'billing.node_spend',
      {
        organization_id: organizationId,
        node_id: organizationId,
        model: 'demo',
        business_date: '2026-01-01',
      },
    ],
    [
      'billing.budget_alerts',
      {
        id: newUuid(),
        organization_id: organizationId,
        budget_id: budgetId,
        period_start: '2026-01-01',
        threshold: 50,
        limit_amount: '1',
        spent: '1',
      },
    ],
    [
      'billing.credit_accounts',
      { account_id: ownerId, organization_id: organizationId, started_on: '2026-01-01' },
    ],
    [
      'billing.credit_lots',
      {
        id: newUuid(),
        organization_id: organizationId,
        account_id: ownerId,
        amount: '1',
        granted_at: new Date(),
        granted_on: '2026-01-01',
        expires_on: '2027-01-01',
        reference: 'Initial Funding',
        granted_by: 'test',
      },
    ],
    [
      'analytics.usage_events',
      {
        attempt_id: newUuid(),
        request_id: newUuid(),
        attempt_number: 1,
        organization_id: organizationId,
        account_id: ownerId,
        account_path: [ownerId],
        api_key_id: apiKeyId,
        model_requested: 'demo',
        model_effective: 'demo',
        provider: 'openai',
        provider_key_id: newUuid(),
        decision: 'PRIMARY',
        endpoint: '/v1/chat/completions',
        stream: false,
        business_date: '2026-01-01',
        admitted_at: new Date(),
        metering_source: 'PROVIDER',
        status: 'SUCCESS',
      },
    ],
    [
      'analytics.api_key_uses',
      { api_key_id: apiKeyId, organization_id: organizationId, last_used_at: new Date() },
    ],
    [
      'analytics.usage_hourly',
      { ...usage, node_kind: 'ORGANIZATION', node_id: organizationId, bucket: '2026-01-01T00:00:00Z' },
    ],
    [
      'analytics.usage_daily',
      { ...usage, node_kind: 'ORGANIZATION', node_id: organizationId, bucket: '2026-01-01' },
    ],
  ];
  for (const [table, row] of rows) await insertRow(client, table, row);
}
