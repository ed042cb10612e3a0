-- What the projections of billing and analytics need beyond their tables.

-- Where each projection stands; its row is locked while a batch is applied.
INSERT INTO billing.projection_cursor (name) VALUES ('billing') ON CONFLICT DO NOTHING;
INSERT INTO analytics.projection_cursor (name) VALUES ('analytics') ON CONFLICT DO NOTHING;

-- A period is named by its first business date: that is what spend is summed by, and a change of the time zone in the
-- middle of a period must not raise its alerts a second time.
ALTER TABLE billing.budget_alerts ALTER COLUMN period_start TYPE date USING (period_start AT TIME ZONE 'UTC')::date;

-- The order in which alerts are told. Whoever raises alerts holds one lock until the commit, so a lower number is never
-- seen after a higher one.
ALTER TABLE billing.budget_alerts ADD COLUMN seq BIGSERIAL NOT NULL;
DROP INDEX billing.budget_alerts_organization_id_id_idx;
CREATE UNIQUE INDEX budget_alerts_organization_id_seq_key ON billing.budget_alerts (organization_id, seq);

-- A budget that is created or changed when its spend is already there raises its alerts itself.
GRANT INSERT ON billing.budget_alerts TO weir_billing;
GRANT USAGE ON SEQUENCE billing.budget_alerts_seq_seq TO weir_billing, weir_billing_projector;

-- Prices go by a model's name and the graph by its id.
CREATE FUNCTION policy.model_names(organization uuid, models uuid[]) RETURNS TABLE (id uuid, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT m.id, m.name FROM identity.models m
  WHERE m.id = ANY (models) AND (m.organization_id IS NULL OR m.organization_id = organization)
$$;
REVOKE ALL ON FUNCTION policy.model_names(uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.model_names(uuid, uuid[]) TO weir_billing;

-- Rollups are kept per node, as spend is: once for the organization, for every account of the path and for the key. What
-- a node and all below it consumed is then a range of one index, however wide the tree, and what an account consumed
-- before it was moved stays with the parents it had.
ALTER TABLE analytics.usage_hourly
  DROP CONSTRAINT usage_hourly_pkey,
  DROP COLUMN account_id, DROP COLUMN api_key_id, DROP COLUMN account_path,
  ADD COLUMN node_kind text NOT NULL
    CONSTRAINT usage_hourly_node_kind_check CHECK (node_kind IN ('ORGANIZATION', 'ACCOUNT', 'API_KEY')),
  ADD COLUMN node_id uuid NOT NULL,
  ADD CONSTRAINT usage_hourly_pkey PRIMARY KEY (node_id, bucket, model, provider);
ALTER TABLE analytics.usage_daily
  DROP CONSTRAINT usage_daily_pkey,
  DROP COLUMN account_id, DROP COLUMN api_key_id, DROP COLUMN account_path,
  ADD COLUMN node_kind text NOT NULL
    CONSTRAINT usage_daily_node_kind_check CHECK (node_kind IN ('ORGANIZATION', 'ACCOUNT', 'API_KEY')),
  ADD COLUMN node_id uuid NOT NULL,
  ADD CONSTRAINT usage_daily_pkey PRIMARY KEY (node_id, bucket, model, provider);
CREATE INDEX usage_hourly_organization_id_bucket_idx ON analytics.usage_hourly (organization_id, bucket);
CREATE INDEX usage_daily_organization_id_bucket_idx ON analytics.usage_daily (organization_id, bucket);

-- A day is a business day of the organization.
GRANT USAGE ON SCHEMA policy TO weir_analytics;
GRANT EXECUTE ON FUNCTION policy.organization_zone(uuid) TO weir_analytics;

-- Seconds since the oldest row of the log that the projection has not applied was written; 0 when all are applied.
CREATE FUNCTION analytics.projection_lag_seconds() RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  WITH cursor AS MATERIALIZED (SELECT xid, seq FROM analytics.projection_cursor WHERE name = 'analytics')
  SELECT greatest(0, coalesce((
    SELECT extract(epoch FROM clock_timestamp() - l.logged_at)::double precision
    FROM ledger.attempt_log l
    WHERE (l.xid, l.seq) > ((SELECT xid FROM cursor), (SELECT seq FROM cursor))
    ORDER BY l.xid, l.seq LIMIT 1
  ), 0))
$$;

-- The proof that nothing was lost or counted twice, over a range of dates: for each table that a projection keeps, the
-- sum of the log up to where the projection has read, and the sum that is kept. Both come from one snapshot, so they are
-- equal at any moment, also while requests are running. Hours are compared over UTC dates, the others over business dates.
CREATE FUNCTION analytics.proof(first_date date, end_date date)
RETURNS TABLE (kept_in text, requests_logged numeric, requests_kept numeric, tokens_logged numeric, tokens_kept numeric,
               cost_logged numeric, cost_kept numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  WITH cursors AS MATERIALIZED (
    SELECT 'analytics' AS projection, xid, seq FROM analytics.projection_cursor WHERE name = 'analytics'
    UNION ALL
    SELECT 'billing', xid, seq FROM billing.projection_cursor WHERE name = 'billing'
  ),
  entries AS MATERIALIZED (
    SELECT l.xid, l.seq, l.business_date, (l.class = 'close')::integer AS requests, l.cost,
           l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens AS tokens,
           (to_timestamp(l.admitted_at_ms / 1000.0) AT TIME ZONE 'UTC')::date AS utc_date
    FROM ledger.attempt_log l
    -- The day is the UTC date of the admission, and no time zone is further from UTC than this. It prunes partitions.
    WHERE l.day BETWEEN first_date - 2 AND end_date + 2 AND l.class <> 'intent'
  ),
  logged AS (
    SELECT c.projection, false AS by_utc, sum(e.requests) AS requests, sum(e.tokens) AS tokens, sum(e.cost) AS cost
    FROM cursors c JOIN entries e ON (e.xid, e.seq) <= (c.xid, c.seq)
    WHERE e.business_date >= first_date AND e.business_date < end_date
    GROUP BY c.projection
    UNION ALL
    SELECT c.projection, true, sum(e.requests), sum(e.tokens), sum(e.cost)
    FROM cursors c JOIN entries e ON (e.xid, e.seq) <= (c.xid, c.seq)
    WHERE e.utc_date >= first_date AND e.utc_date < end_date
    GROUP BY c.projection
  ),
  kept AS (
    SELECT 'analytics.usage_events' AS kept_in, 'analytics' AS projection, false AS by_utc, count(*) AS requests,
           sum(input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens) AS tokens,
           sum(cost_nano) AS cost
    FROM analytics.usage_events WHERE business_date >= first_date AND business_date < end_date
    UNION ALL
    SELECT 'analytics.usage_daily', 'analytics', false, sum(requests),
           sum(input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens), sum(cost_nano)
    FROM analytics.usage_daily WHERE node_id = organization_id AND bucket >= first_date AND bucket < end_date
    UNION ALL
    SELECT 'analytics.usage_hourly', 'analytics', true, sum(requests),
           sum(input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens), sum(cost_nano)
    FROM analytics.usage_hourly
    WHERE node_id = organization_id
      AND bucket >= first_date::timestamp AT TIME ZONE 'UTC' AND bucket < end_date::timestamp AT TIME ZONE 'UTC'
    UNION ALL
    SELECT 'billing.node_spend', 'billing', false, sum(requests), sum(tokens), sum(cost_nano)
    FROM billing.node_spend
    WHERE node_id = organization_id AND business_date >= first_date AND business_date < end_date
  )
  SELECT k.kept_in, coalesce(l.requests, 0)::numeric, coalesce(k.requests, 0)::numeric, coalesce(l.tokens, 0)::numeric,
         coalesce(k.tokens, 0)::numeric, coalesce(l.cost, 0)::numeric, coalesce(k.cost, 0)::numeric
  FROM kept k LEFT JOIN logged l USING (projection, by_utc)
$$;

REVOKE ALL ON FUNCTION analytics.projection_lag_seconds(), analytics.proof(date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.projection_lag_seconds() TO weir_analytics;
GRANT EXECUTE ON FUNCTION analytics.proof(date, date) TO weir_analytics_projector;
