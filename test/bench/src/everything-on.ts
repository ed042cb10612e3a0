import pg from 'pg';

const LIMITS = JSON.stringify({
  requestsPerMinute: 100_000_000,
  requestsPerHour: 100_000_000,
  requestsPerDay: 100_000_000,
  tokensPerMinute: 1_000_000_000_000,
  tokensPerHour: 1_000_000_000_000,
  tokensPerDay: 1_000_000_000_000,
  concurrency: 100_000,
});
const MODEL_LIMITS = JSON.stringify([{ pattern: 'demo-*', limits: JSON.parse(LIMITS) as unknown }]);

/**
 * Switches every check of the request path on, at limits that the load does not reach: all windows and concurrency on
 * the organization, each account and the key, per model too; lists; a model mapping; BLOCK budgets at every height.
 */
export async function everythingOn(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('update identity.organizations set limits = $1, model_limits = $2', [
      LIMITS,
      MODEL_LIMITS,
    ]);
    await client.query(
      `update identity.accounts set limits = $1, model_limits = $2, allow_ips = '["127.0.0.0/8"]', allow_models = '["demo-*"]',
         resources = '["/v1"]', model_mapper = '[{"pattern":"gpt-4o*","target":"demo-large"}]', level_mapper = '[{"pattern":"demo-*","level":1}]'`,
      [LIMITS, MODEL_LIMITS],
    );
    await client.query(
      `update identity.api_keys set limits = $1, model_limits = $2, allow_ips = '["127.0.0.0/8"]', allow_models = '["demo-*"]', resources = '["/v1"]'`,
      [LIMITS, MODEL_LIMITS],
    );
    await client.query(
      `insert into billing.budgets (id, organization_id, node_kind, node_id, name, metric, limit_amount, period, enforcement, thresholds)
       select gen_random_uuid(), organization_id, kind, node, 'bench', metric, 9000000000000000, 'MONTHLY', 'BLOCK', '{50,80,100}'
       from (select id as organization_id, 'ORGANIZATION' as kind, id as node from identity.organizations
             union all select organization_id, 'ACCOUNT', id from identity.accounts
             union all select organization_id, 'API_KEY', id from identity.api_keys) nodes,
            unnest(array['COST', 'TOKENS']) metric`,
    );
  } finally {
    await client.end();
  }
}
