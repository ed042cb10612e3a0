-- Retention of usage: each organization decides how long its single requests are kept. The attempt log is never touched.

-- Up to which date (exclusive) each table was purged. The proof compares only what is not before it.
CREATE TABLE analytics.usage_purges (
  organization_id uuid NOT NULL,
  kept_in text NOT NULL,
  before date NOT NULL,
  CONSTRAINT usage_purges_pkey PRIMARY KEY (organization_id, kept_in)
);
-- No role reads or writes it but through the functions below.
ALTER TABLE analytics.usage_purges ENABLE ROW LEVEL SECURITY;

-- What an organization keeps on a date, in each table: rows before the date that is given may go. Single requests stay for
-- `retention.usageDays` (400 days unless set), hours for 13 months, days for 7 years, and no sum goes before the requests
-- that it sums.
CREATE FUNCTION analytics.usage_retention(organization uuid, today date) RETURNS TABLE (kept_in text, before date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT t.kept_in, t.before
  FROM identity.organizations o
  CROSS JOIN LATERAL (
    SELECT today - coalesce((o.settings -> 'retention' ->> 'usageDays')::integer, 400) AS raw
  ) r
  CROSS JOIN LATERAL (VALUES
    ('analytics.usage_events', r.raw),
    ('analytics.usage_hourly', least(r.raw, (today - interval '13 months')::date)),
    ('analytics.usage_daily', least(r.raw, (today - interval '7 years')::date))
  ) AS t (kept_in, before)
  WHERE o.id = organization
$$;

-- The tables of organizations that hold something older than they keep. Events are found by their admission, whose UTC
-- date is within a day of the business date.
CREATE FUNCTION analytics.purgeable_usage(today date) RETURNS TABLE (organization_id uuid, kept_in text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT o.id, r.kept_in
  FROM identity.organizations o CROSS JOIN LATERAL analytics.usage_retention(o.id, today) r
  WHERE CASE r.kept_in
    WHEN 'analytics.usage_events' THEN EXISTS (
      SELECT FROM analytics.usage_events e WHERE e.organization_id = o.id
        AND e.admitted_at < (r.before + 2)::timestamp AT TIME ZONE 'UTC' AND e.business_date < r.before)
    WHEN 'analytics.usage_hourly' THEN EXISTS (
      SELECT FROM analytics.usage_hourly h
      WHERE h.organization_id = o.id AND h.bucket < r.before::timestamp AT TIME ZONE 'UTC')
    ELSE EXISTS (SELECT FROM analytics.usage_daily d WHERE d.organization_id = o.id AND d.bucket < r.before)
  END
$$;

-- Removes at most `take` rows that are older than the organization keeps, and says so to the proof in the same
-- transaction. Returns how many went. What may go is decided here and not by the caller, who may only say what day it is.
CREATE FUNCTION analytics.purge_usage(organization uuid, purged_table text, today date, take integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  cutoff date;
  gone integer;
BEGIN
  IF today > (now() AT TIME ZONE 'UTC')::date + 1 THEN
    RAISE EXCEPTION 'Usage cannot be purged as of %, which is in the future. Set the clock.', today;
  END IF;
  SELECT r.before INTO cutoff FROM analytics.usage_retention(organization, today) r WHERE r.kept_in = purged_table;
  IF cutoff IS NULL THEN RETURN 0; END IF;

  INSERT INTO analytics.usage_purges AS p (organization_id, kept_in, before) VALUES (organization, purged_table, cutoff)
  ON CONFLICT (organization_id, kept_in) DO UPDATE SET before = excluded.before WHERE excluded.before > p.before;

  -- By address, because a plan by key may read the whole table. A row that is corrected meanwhile waits for the next time.
  CASE purged_table
    WHEN 'analytics.usage_events' THEN
      DELETE FROM analytics.usage_events WHERE ctid = ANY (ARRAY(
        SELECT e.ctid FROM analytics.usage_events e WHERE e.organization_id = organization
          AND e.admitted_at < (cutoff + 2)::timestamp AT TIME ZONE 'UTC' AND e.business_date < cutoff
        ORDER BY e.admitted_at LIMIT take));
    WHEN 'analytics.usage_hourly' THEN
      DELETE FROM analytics.usage_hourly WHERE ctid = ANY (ARRAY(
        SELECT h.ctid FROM analytics.usage_hourly h
        WHERE h.organization_id = organization AND h.bucket < cutoff::timestamp AT TIME ZONE 'UTC'
        ORDER BY h.bucket LIMIT take));
    ELSE
      DELETE FROM analytics.usage_daily WHERE ctid = ANY (ARRAY(
        SELECT d.ctid FROM analytics.usage_daily d WHERE d.organization_id = organization AND d.bucket < cutoff
        ORDER BY d.bucket LIMIT take));
  END CASE;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$$;

REVOKE ALL ON FUNCTION analytics.usage_retention(uuid, date), analytics.purgeable_usage(date),
  analytics.purge_usage(uuid, text, date, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.purgeable_usage(date), analytics.purge_usage(uuid, text, date, integer)
  TO weir_analytics_projector;

-- The proof as before, of what is kept: for each table and organization both sums leave out what is before its purge.
CREATE OR REPLACE FUNCTION analytics.proof(first_date date, end_date date)
RETURNS TABLE (kept_in text, requests_logged numeric, requests_kept numeric, tokens_logged numeric, tokens_kept numeric,
               cost_logged numeric, cost_kept numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  WITH cursors AS MATERIALIZED (
    SELECT 'analytics' AS projection, xid, seq FROM analytics.projection_cursor WHERE name = 'analytics'
    UNION ALL
    SELECT 'billing', xid, seq FROM billing.projection_cursor WHERE name = 'billing'
  ),
  tables (kept_in, projection, by_utc) AS (VALUES
    ('analytics.usage_events', 'analytics', false),
    ('analytics.usage_daily', 'analytics', false),
    ('analytics.usage_hourly', 'analytics', true),
    ('billing.node_spend', 'billing', false)
  ),
  entries AS MATERIALIZED (
    SELECT l.organization_id, l.xid, l.seq, l.business_date, (l.class = 'close')::integer AS requests, l.cost,
           l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens AS tokens,
           (to_timestamp(l.admitted_at_ms / 1000.0) AT TIME ZONE 'UTC')::date AS utc_date
    FROM ledger.attempt_log l
    -- The day is the UTC date of the admission, and no time zone is further from UTC than this. It prunes partitions.
    WHERE l.day BETWEEN first_date - 2 AND end_date + 2 AND l.class <> 'intent'
  ),
  logged AS (
    SELECT t.kept_in, sum(e.requests) AS requests, sum(e.tokens) AS tokens, sum(e.cost) AS cost
    FROM tables t
    JOIN cursors c USING (projection)
    JOIN entries e ON (e.xid, e.seq) <= (c.xid, c.seq)
    LEFT JOIN analytics.usage_purges p ON p.organization_id = e.organization_id AND p.kept_in = t.kept_in
    CROSS JOIN LATERAL (SELECT CASE WHEN t.by_utc THEN e.utc_date ELSE e.business_date END AS date) d
    WHERE d.date >= first_date AND d.date < end_date AND (p.before IS NULL OR d.date >= p.before)
    GROUP BY t.kept_in
  ),
  rows_kept AS (
    SELECT 'analytics.usage_events' AS kept_in, organization_id, business_date AS date, 1 AS requests,
           input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens AS tokens,
           cost_nano AS cost
    FROM analytics.usage_events WHERE business_date >= first_date AND business_date < end_date
    UNION ALL
    SELECT 'analytics.usage_daily', organization_id, bucket, requests,
           input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens, cost_nano
    FROM analytics.usage_daily WHERE node_id = organization_id AND bucket >= first_date AND bucket < end_date
    UNION ALL
    SELECT 'analytics.usage_hourly', organization_id, (bucket AT TIME ZONE 'UTC')::date, requests,
           input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens, cost_nano
    FROM analytics.usage_hourly
    WHERE node_id = organization_id
      AND bucket >= first_date::timestamp AT TIME ZONE 'UTC' AND bucket < end_date::timestamp AT TIME ZONE 'UTC'
    UNION ALL
    SELECT 'billing.node_spend', organization_id, business_date, requests, tokens, cost_nano
    FROM billing.node_spend
    WHERE node_id = organization_id AND business_date >= first_date AND business_date < end_date
  ),
  kept AS (
    SELECT r.kept_in, sum(r.requests) AS requests, sum(r.tokens) AS tokens, sum(r.cost) AS cost
    FROM rows_kept r
    LEFT JOIN analytics.usage_purges p ON p.organization_id = r.organization_id AND p.kept_in = r.kept_in
    WHERE p.before IS NULL OR r.date >= p.before
    GROUP BY r.kept_in
  )
  SELECT kept_in, coalesce(l.requests, 0)::numeric, coalesce(k.requests, 0)::numeric, coalesce(l.tokens, 0)::numeric,
         coalesce(k.tokens, 0)::numeric, coalesce(l.cost, 0)::numeric, coalesce(k.cost, 0)::numeric
  FROM tables t LEFT JOIN logged l USING (kept_in) LEFT JOIN kept k USING (kept_in)
$$;
