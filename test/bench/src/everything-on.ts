import pg from 'pg';

/** Limits that the load does not reach. */
const FAR = 1_000_000_000_000;
const WINDOWS = {
  requestsPerMinute: FAR,
  requestsPerHour: FAR,
  requestsPerDay: FAR,
  tokensPerMinute: FAR,
  tokensPerHour: FAR,
  tokensPerDay: FAR,
};
const KEY_LIMITS = JSON.stringify({ ...WINDOWS, concurrency: 100_000 });
const ORGANIZATION_LIMITS = JSON.stringify({ ...WINDOWS, concurrency: 100_000 });
const ACCOUNT_LIMITS = JSON.stringify({ requestsPerMinute: FAR, tokensPerMinute: FAR });
const MODEL_LIMITS = JSON.stringify([
  { pattern: 'demo-*', limits: { requestsPerMinute: FAR, tokensPerDay: FAR } },
]);

/**
 * Switches every kind of check of the request path on: all six windows and concurrency on the organization and the
 * key, minute windows on each of the three accounts between, limits per model, lists of addresses, models and paths, a
 * model mapping and a Level mapping, and BLOCK budgets of money on the organization and the key and of tokens on a
 * team: 26 limits and three holds per request.
 */
export async function everythingOn(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('update identity.organizations set limits = $1', [ORGANIZATION_LIMITS]);
    await client.query(
      `update identity.accounts set limits = $1, allow_ips = '["127.0.0.0/8"]', allow_models = '["demo-*"]',
         resources = '["/v1"]', model_mapper = '[{"pattern":"gpt-4o*","target":"demo-large"}]', level_mapper = '[{"pattern":"demo-*","level":1}]'`,
      [ACCOUNT_LIMITS],
    );
    await client.query(
      `update identity.api_keys set limits = $1, model_limits = $2, allow_ips = '["127.0.0.0/8"]', allow_models = '["demo-*"]',
         resources = '["/v1"]'`,
      [KEY_LIMITS, MODEL_LIMITS],
    );
    await client.query(
      `insert into billing.budgets (id, organization_id, node_kind, node_id, name, metric, limit_amount, period, enforcement, thresholds)
       select gen_random_uuid(), organization_id, kind, node, 'bench', metric, 9000000000000000, 'MONTHLY', 'BLOCK', '{50,80,100}'
       from (select id as organization_id, 'ORGANIZATION' as kind, id as node, 'COST' as metric from identity.organizations
             union all select organization_id, 'ACCOUNT', id, 'TOKENS' from identity.accounts where kind = 'TEAM'
             union all select organization_id, 'API_KEY', id, 'COST' from identity.api_keys) nodes`,
    );
  } finally {
    await client.end();
  }
}
