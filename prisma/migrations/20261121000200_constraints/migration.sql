-- Closed sets and shapes that the schema language cannot say. They hold whoever writes.

-- An access list is a JSON array or null (nothing is restricted); mappers and model limits are JSON arrays.

ALTER TABLE identity.organizations
  ADD CONSTRAINT organizations_status_check CHECK (status IN ('ACTIVE', 'TRIAL', 'SUSPENDED', 'CLOSED')),
  ADD CONSTRAINT organizations_plan_tier_check CHECK (plan_tier IN ('STARTER', 'GROWTH', 'ENTERPRISE')),
  ADD CONSTRAINT organizations_slug_check CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  -- Raises "time zone not recognized" for a name that Postgres does not know.
  ADD CONSTRAINT organizations_time_zone_check
    CHECK (timezone(time_zone, timestamptz '2000-01-01 00:00:00+00') IS NOT NULL),
  ADD CONSTRAINT organizations_limits_check
    CHECK (jsonb_typeof(limits) = 'object' AND jsonb_typeof(model_limits) = 'array');

ALTER TABLE identity.accounts
  ADD CONSTRAINT accounts_kind_check
    CHECK (kind IN ('OWNER', 'TEAM', 'PROJECT', 'SUB_ACCOUNT', 'SERVICE_ACCOUNT')),
  ADD CONSTRAINT accounts_status_check CHECK (status IN ('ACTIVE', 'SUSPENDED')),
  ADD CONSTRAINT accounts_root_check
    CHECK ((kind = 'OWNER') = (parent_id IS NULL) AND (parent_id IS NULL) = (dna = '.')),
  ADD CONSTRAINT accounts_parent_check CHECK (parent_id <> id),
  ADD CONSTRAINT accounts_dna_check CHECK (dna ~ '^\.([0-9a-f-]{36}\.)*$'),
  ADD CONSTRAINT accounts_gear_check CHECK (gear BETWEEN 0 AND 2),
  ADD CONSTRAINT accounts_rates_check CHECK (rates_ppm >= 0),
  ADD CONSTRAINT accounts_lists_check CHECK (
    (allow_ips IS NULL OR jsonb_typeof(allow_ips) = 'array')
    AND (allow_models IS NULL OR jsonb_typeof(allow_models) = 'array')
    AND (allow_levels IS NULL OR jsonb_typeof(allow_levels) = 'array')
    AND (resources IS NULL OR jsonb_typeof(resources) = 'array')
    AND jsonb_typeof(model_mapper) = 'array' AND jsonb_typeof(level_mapper) = 'array'
    AND jsonb_typeof(switch_over) = 'array' AND jsonb_typeof(model_failover) = 'array'
    AND jsonb_typeof(limits) = 'object' AND jsonb_typeof(model_limits) = 'array'
  ),
  -- One root per organization. An exclusion rather than a partial index, which Prisma would want to drop.
  ADD CONSTRAINT accounts_one_root EXCLUDE USING btree (organization_id WITH =) WHERE (parent_id IS NULL);

ALTER TABLE identity.users
  ADD CONSTRAINT users_email_check CHECK (email = lower(email) AND email LIKE '_%@_%'),
  ADD CONSTRAINT users_status_check CHECK (status IN ('ACTIVE', 'INVITED', 'SUSPENDED'));

ALTER TABLE identity.memberships
  ADD CONSTRAINT memberships_role_check
    CHECK (role IN ('OWNER', 'ADMIN', 'MANAGER', 'ANALYST', 'DEVELOPER', 'FINANCE')),
  ADD CONSTRAINT memberships_status_check CHECK (status IN ('ACTIVE', 'INVITED', 'SUSPENDED'));

ALTER TABLE identity.sessions
  ADD CONSTRAINT sessions_refresh_token_hash_check CHECK (octet_length(refresh_token_hash) = 32);

ALTER TABLE identity.api_keys
  ADD CONSTRAINT api_keys_key_hash_check CHECK (octet_length(key_hash) = 32),
  ADD CONSTRAINT api_keys_status_check
    CHECK (status IN ('ACTIVE', 'REVOKED') AND (status = 'REVOKED') = (revoked_at IS NOT NULL)),
  ADD CONSTRAINT api_keys_disconnect_policy_check CHECK (disconnect_policy IN ('ABORT', 'DRAIN')),
  ADD CONSTRAINT api_keys_scopes_check
    CHECK (scopes <@ ARRAY['inference:read', 'inference:write', 'analytics:read', 'admin']),
  ADD CONSTRAINT api_keys_lists_check CHECK (
    (allow_ips IS NULL OR jsonb_typeof(allow_ips) = 'array')
    AND (allow_models IS NULL OR jsonb_typeof(allow_models) = 'array')
    AND (resources IS NULL OR jsonb_typeof(resources) = 'array')
    AND jsonb_typeof(limits) = 'object' AND jsonb_typeof(model_limits) = 'array'
  );

ALTER TABLE identity.provider_keys
  ADD CONSTRAINT provider_keys_provider_check CHECK (provider IN ('openai', 'azure', 'anthropic', 'vertex')),
  ADD CONSTRAINT provider_keys_status_check CHECK (status IN ('ENABLED', 'DISABLED')),
  ADD CONSTRAINT provider_keys_weight_check CHECK (weight >= 1);

ALTER TABLE identity.models
  ADD CONSTRAINT models_name_check CHECK (name <> ''),
  ADD CONSTRAINT models_tokens_check CHECK (context_tokens > 0 AND max_output_tokens > 0);

ALTER TABLE billing.prices
  ADD CONSTRAINT prices_model_check CHECK (model <> ''),
  ADD CONSTRAINT prices_amounts_check CHECK (
    input >= 0 AND cached_input >= 0 AND cache_write >= 0 AND output >= 0 AND reasoning >= 0
    AND per_request >= 0 AND per_image >= 0 AND per_audio_second >= 0
  );

ALTER TABLE billing.budgets
  ADD CONSTRAINT budgets_node_check CHECK (
    node_kind IN ('ORGANIZATION', 'ACCOUNT', 'API_KEY')
    AND (node_kind <> 'ORGANIZATION' OR node_id = organization_id)
  ),
  ADD CONSTRAINT budgets_metric_check CHECK (metric IN ('COST', 'TOKENS', 'REQUESTS')),
  -- The upper end is 2^53 - 1: a shared counter computes with doubles, which are exact up to there.
  ADD CONSTRAINT budgets_limit_check CHECK (limit_amount BETWEEN 0 AND 9007199254740991),
  ADD CONSTRAINT budgets_period_check
    CHECK (period IN ('DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY', 'TOTAL')),
  ADD CONSTRAINT budgets_models_check CHECK (models IS NULL OR jsonb_typeof(models) = 'array'),
  ADD CONSTRAINT budgets_enforcement_check CHECK (enforcement IN ('WARN', 'BLOCK', 'NOTIFY')),
  ADD CONSTRAINT budgets_thresholds_check CHECK (1 <= ALL (thresholds) AND 100 >= ALL (thresholds)),
  ADD CONSTRAINT budgets_grace_check CHECK (grace_minutes >= 0),
  ADD CONSTRAINT budgets_status_check CHECK (status IN ('ACTIVE', 'ARCHIVED'));

ALTER TABLE billing.budget_alerts
  ADD CONSTRAINT budget_alerts_threshold_check CHECK (threshold BETWEEN 1 AND 100);

ALTER TABLE analytics.usage_events
  ADD CONSTRAINT usage_events_decision_check CHECK (decision IN ('PRIMARY', 'FAILOVER', 'OVERRIDE')),
  ADD CONSTRAINT usage_events_metering_source_check
    CHECK (metering_source IN ('PROVIDER', 'ESTIMATED', 'DRAINED', 'HOLD', 'NONE')),
  ADD CONSTRAINT usage_events_status_check
    CHECK (status IN ('SUCCESS', 'ERROR', 'TIMEOUT', 'THROTTLED', 'ABORTED', 'INCOMPLETE', 'UNKNOWN'));
