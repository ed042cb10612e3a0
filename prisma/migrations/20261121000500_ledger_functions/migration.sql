-- What the proxy may do with the attempt log: append rows, ask how an attempt ended, read what a counter is seeded
-- with, and keep track of intents that wait for their close.

-- One row as the proxy sends it; the attributes in the order in which it writes them. A release that needs another
-- shape adds a type and a function beside these, because the releases of a rolling update run at the same time.
CREATE TYPE ledger.attempt_row AS (
  day date,
  attempt_id uuid,
  kind text,
  request_id uuid,
  attempt_number integer,
  organization_id uuid,
  account_path uuid[],
  api_key_id uuid,
  model_requested text,
  model_effective text,
  provider text,
  provider_key_id uuid,
  decision text,
  endpoint text,
  stream boolean,
  price_id text,
  admitted_at_ms bigint,
  business_date date,
  hold_cost bigint,
  hold_tokens bigint,
  input_tokens bigint,
  cached_input_tokens bigint,
  cache_write_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  images bigint,
  audio_ms bigint,
  cost bigint,
  metering_source text,
  status text,
  upstream_status integer,
  error_code text,
  disconnected boolean,
  latency_ms integer,
  time_to_first_byte_ms integer
);

-- Appends rows in one transaction; rows that are there already change nothing, so any batch may be sent again. A
-- settlement that finds a provisional close becomes one adjusted row with the signed difference of every amount. The
-- second statement runs only when rows were there already.
CREATE FUNCTION ledger.append(new_rows ledger.attempt_row[], OUT inserted integer, OUT adjusted integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  INSERT INTO ledger.attempt_log (
    day, class, kind, attempt_id, request_id, attempt_number, organization_id, account_path, api_key_id,
    model_requested, model_effective, provider, provider_key_id, decision, endpoint, stream, price_id,
    admitted_at_ms, business_date, hold_cost, hold_tokens, input_tokens, cached_input_tokens, cache_write_tokens,
    output_tokens, reasoning_tokens, images, audio_ms, cost, metering_source, status, upstream_status, error_code,
    disconnected, latency_ms, time_to_first_byte_ms)
  SELECT
    n.day, CASE n.kind WHEN 'intent' THEN 'intent' WHEN 'adjusted' THEN 'adjust' ELSE 'close' END, n.kind,
    n.attempt_id, n.request_id, n.attempt_number, n.organization_id, n.account_path, n.api_key_id,
    n.model_requested, n.model_effective, n.provider, n.provider_key_id, n.decision, n.endpoint, n.stream, n.price_id,
    n.admitted_at_ms, n.business_date, n.hold_cost, n.hold_tokens, coalesce(n.input_tokens, 0),
    coalesce(n.cached_input_tokens, 0), coalesce(n.cache_write_tokens, 0), coalesce(n.output_tokens, 0),
    coalesce(n.reasoning_tokens, 0), coalesce(n.images, 0), coalesce(n.audio_ms, 0), coalesce(n.cost, 0),
    n.metering_source, n.status, n.upstream_status, n.error_code, n.disconnected, n.latency_ms,
    n.time_to_first_byte_ms
  FROM unnest(new_rows) AS n
  ON CONFLICT (attempt_id, class, day) DO NOTHING;
  GET DIAGNOSTICS inserted = ROW_COUNT;
  adjusted := 0;
  IF inserted < cardinality(new_rows) THEN
    INSERT INTO ledger.attempt_log (
      day, class, kind, attempt_id, request_id, attempt_number, organization_id, account_path, api_key_id,
      model_requested, model_effective, provider, provider_key_id, decision, endpoint, stream, price_id,
      admitted_at_ms, business_date, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
      reasoning_tokens, images, audio_ms, cost, metering_source, status, upstream_status, error_code, disconnected,
      latency_ms, time_to_first_byte_ms)
    SELECT
      c.day, 'adjust', 'adjusted', c.attempt_id, c.request_id, c.attempt_number, c.organization_id, c.account_path,
      c.api_key_id, c.model_requested, c.model_effective, c.provider, c.provider_key_id, c.decision, c.endpoint,
      c.stream, n.price_id, c.admitted_at_ms, c.business_date, n.input_tokens - c.input_tokens,
      n.cached_input_tokens - c.cached_input_tokens, n.cache_write_tokens - c.cache_write_tokens,
      n.output_tokens - c.output_tokens, n.reasoning_tokens - c.reasoning_tokens, n.images - c.images,
      n.audio_ms - c.audio_ms, n.cost - c.cost, n.metering_source, n.status, n.upstream_status, n.error_code,
      n.disconnected, n.latency_ms, n.time_to_first_byte_ms
    FROM unnest(new_rows) AS n
    JOIN ledger.attempt_log c ON c.attempt_id = n.attempt_id AND c.day = n.day AND c.class = 'close'
    WHERE n.kind = 'settled' AND c.kind = 'provisional'
    ON CONFLICT (attempt_id, class, day) DO NOTHING;
    GET DIAGNOSTICS adjusted = ROW_COUNT;
  END IF;
END
$$;

-- What attempts have cost so far; only attempts with a close answer.
CREATE FUNCTION ledger.attempt_totals(attempt_ids uuid[])
RETURNS TABLE (attempt_id uuid, organization_id uuid, cost bigint, tokens bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT l.attempt_id, l.organization_id, sum(l.cost)::bigint,
    sum(l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens)::bigint
  FROM unnest(attempt_ids) AS asked (id)
  JOIN ledger.attempt_log l
    ON l.attempt_id = asked.id AND l.day = ledger.day_of(asked.id) AND l.class IN ('close', 'adjust')
  GROUP BY l.attempt_id, l.organization_id
$$;

-- Closes of one organization by the time they were logged: the recent ones seed its windows.
CREATE INDEX attempt_log_closes_idx ON ledger.attempt_log (organization_id, logged_at) WHERE class <> 'intent';

-- Which intents wait for their close. The log is followed in its own order: everything written by transactions below
-- `done` has been looked at, and what was open then is listed in `open_attempts`. What is open now is therefore the
-- list plus the short rest of the log, less what has been closed since. `head` is how far the log was complete when it
-- was followed last; going only that far gives most attempts the time to be closed before they would be listed.
CREATE TABLE ledger.follower (
  name text PRIMARY KEY,
  done xid8 NOT NULL,
  head xid8 NOT NULL
);
INSERT INTO ledger.follower VALUES ('open_attempts', '0', '0');

CREATE TABLE ledger.open_attempts (
  attempt_id uuid PRIMARY KEY,
  day date NOT NULL,
  organization_id uuid NOT NULL
);
CREATE INDEX open_attempts_organization_idx ON ledger.open_attempts (organization_id);

-- Follows the log for at most about `rows_max` rows and answers whether rows are left that it could have read.
CREATE FUNCTION ledger.follow_open_attempts(rows_max integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  from_xid xid8;
  complete xid8;
  upto xid8;
  is_rest boolean;
BEGIN
  SELECT f.done, f.head INTO from_xid, complete FROM ledger.follower f WHERE f.name = 'open_attempts' FOR UPDATE;
  -- Whole transactions only; one of them is smaller than `rows_max`, so the next bound is always beyond the last.
  SELECT max(b.xid) INTO upto FROM (
    SELECT l.xid FROM ledger.attempt_log l
    WHERE l.xid >= from_xid AND l.xid < complete ORDER BY l.xid, l.seq LIMIT rows_max
  ) b HAVING count(*) = rows_max;
  is_rest := upto IS NOT NULL AND upto > from_xid;
  IF NOT is_rest THEN
    upto := greatest(from_xid, complete);
  END IF;

  DELETE FROM ledger.open_attempts o USING ledger.attempt_log c
  WHERE c.attempt_id = o.attempt_id AND c.day = o.day AND c.class = 'close';
  INSERT INTO ledger.open_attempts (attempt_id, day, organization_id)
  SELECT i.attempt_id, i.day, i.organization_id FROM ledger.attempt_log i
  WHERE i.xid >= from_xid AND i.xid < upto AND i.class = 'intent'
    AND NOT EXISTS (
      SELECT FROM ledger.attempt_log c
      WHERE c.attempt_id = i.attempt_id AND c.day = i.day AND c.class = 'close')
  ON CONFLICT (attempt_id) DO NOTHING;
  UPDATE ledger.follower f
  SET done = upto, head = greatest(upto, pg_snapshot_xmin(pg_current_snapshot()))
  WHERE f.name = 'open_attempts';
  RETURN is_rest;
END
$$;

-- The functions from here on that are not security definer are parts of those that are. They set no search path of
-- their own, because only so the planner can merge them into the query that uses them; every name is qualified.

-- Intents of one organization without a close, whatever their age. Not for the proxy itself.
CREATE FUNCTION ledger.open_intents(organization uuid) RETURNS SETOF ledger.attempt_log
LANGUAGE sql STABLE AS $$
  SELECT i.* FROM ledger.open_attempts o
  JOIN ledger.attempt_log i ON i.attempt_id = o.attempt_id AND i.day = o.day AND i.class = 'intent'
  WHERE o.organization_id = organization
    AND NOT EXISTS (
      SELECT FROM ledger.attempt_log c
      WHERE c.attempt_id = o.attempt_id AND c.day = o.day AND c.class = 'close')
  UNION ALL
  SELECT i.* FROM ledger.attempt_log i
  WHERE i.xid >= (SELECT f.done FROM ledger.follower f WHERE f.name = 'open_attempts')
    AND i.class = 'intent' AND i.organization_id = organization
    AND NOT EXISTS (
      SELECT FROM ledger.attempt_log c
      WHERE c.attempt_id = i.attempt_id AND c.day = i.day AND c.class = 'close')
$$;

-- An intent as the proxy reads it.
CREATE FUNCTION ledger.intent_json(intent ledger.attempt_log) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'attemptId', intent.attempt_id, 'requestId', intent.request_id, 'attemptNumber', intent.attempt_number,
    'organizationId', intent.organization_id, 'accountPath', to_jsonb(intent.account_path),
    'apiKeyId', intent.api_key_id, 'modelRequested', intent.model_requested,
    'modelEffective', intent.model_effective, 'provider', intent.provider, 'providerKeyId', intent.provider_key_id,
    'decision', intent.decision, 'endpoint', intent.endpoint, 'stream', intent.stream, 'priceId', intent.price_id,
    'admittedAtMs', intent.admitted_at_ms, 'businessDate', intent.business_date,
    'holdCost', intent.hold_cost::text, 'holdTokens', intent.hold_tokens)
$$;

-- Listed intents that were logged that long ago and are still open: their proxy is streaming, stuck or dead. In the
-- order of their ids, after the one given.
CREATE FUNCTION ledger.doubtful_intents(age_ms bigint, after_id uuid, rows_max integer)
RETURNS TABLE (attempt_id uuid, organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT o.attempt_id, o.organization_id FROM ledger.open_attempts o
  JOIN ledger.attempt_log i ON i.attempt_id = o.attempt_id AND i.day = o.day AND i.class = 'intent'
  WHERE o.attempt_id > after_id AND i.logged_at < clock_timestamp() - make_interval(secs => age_ms / 1000.0)
    AND NOT EXISTS (
      SELECT FROM ledger.attempt_log c
      WHERE c.attempt_id = o.attempt_id AND c.day = o.day AND c.class = 'close')
  ORDER BY o.attempt_id LIMIT rows_max
$$;

-- Charges open attempts with their upper bound, because nothing better is known of them. Attempts that have a close,
-- or no intent, are left alone. Answers how many it closed.
CREATE FUNCTION ledger.close_provisionally(attempt_ids uuid[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  closed integer;
BEGIN
  INSERT INTO ledger.attempt_log (
    day, class, kind, attempt_id, request_id, attempt_number, organization_id, account_path, api_key_id,
    model_requested, model_effective, provider, provider_key_id, decision, endpoint, stream, price_id,
    admitted_at_ms, business_date, input_tokens, cost, metering_source, status, disconnected, latency_ms)
  SELECT
    i.day, 'close', 'provisional', i.attempt_id, i.request_id, i.attempt_number, i.organization_id, i.account_path,
    i.api_key_id, i.model_requested, i.model_effective, i.provider, i.provider_key_id, i.decision, i.endpoint,
    i.stream, i.price_id, i.admitted_at_ms, i.business_date, i.hold_tokens, i.hold_cost, 'HOLD', 'UNKNOWN', false, 0
  FROM unnest(attempt_ids) AS asked (id)
  JOIN ledger.attempt_log i ON i.attempt_id = asked.id AND i.day = ledger.day_of(asked.id) AND i.class = 'intent'
  ON CONFLICT (attempt_id, class, day) DO NOTHING;
  GET DIAGNOSTICS closed = ROW_COUNT;
  RETURN closed;
END
$$;

-- Rows that the billing projection has not folded into node_spend yet. Not for the proxy itself.
CREATE FUNCTION ledger.unprojected(organization uuid) RETURNS SETOF ledger.attempt_log
LANGUAGE sql STABLE AS $$
  SELECT l.* FROM ledger.attempt_log l
  WHERE (l.xid, l.seq) > (
      coalesce((SELECT p.xid FROM billing.projection_cursor p WHERE p.name = 'billing'), '0'::xid8),
      coalesce((SELECT p.seq FROM billing.projection_cursor p WHERE p.name = 'billing'), 0))
    AND l.class <> 'intent' AND l.organization_id = organization
$$;

-- Whether a name is meant by a list of names and patterns; `*` stands for any run of characters. Null means every name.
CREATE FUNCTION ledger.matches_model(patterns jsonb, model text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT patterns IS NULL OR EXISTS (
    SELECT FROM jsonb_array_elements_text(patterns) AS pattern
    WHERE model LIKE replace(
      replace(replace(replace(pattern, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'))
$$;

-- Whether an attempt counts for a node: its organization, any account of its path, or its key.
CREATE FUNCTION ledger.is_below(attempt ledger.attempt_log, node_kind text, node_id uuid) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE node_kind
    WHEN 'ORGANIZATION' THEN attempt.organization_id = node_id
    WHEN 'ACCOUNT' THEN node_id = ANY (attempt.account_path)
    ELSE attempt.api_key_id = node_id
  END
$$;

-- Where a budget stands in the period [period_start, period_end): what is committed, exactly, and which attempts are
-- open, in one snapshot. `closed` are the attempts within `committed` whose close was logged since `closed_since`.
-- Nano-USD for COST, a count otherwise. No row when the budget is gone.
CREATE FUNCTION ledger.position(
  budget_id uuid, period_start timestamptz, period_end timestamptz, closed_since timestamptz DEFAULT NULL
) RETURNS TABLE (metric text, committed bigint, open jsonb, closed uuid[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  b billing.budgets;
  zone text;
  first_date date;
  end_date date;
  projected numeric;
  rest numeric;
BEGIN
  SELECT * INTO b FROM billing.budgets WHERE id = budget_id;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  zone := coalesce(policy.organization_zone(b.organization_id), 'UTC');
  first_date := (period_start AT TIME ZONE zone)::date;
  end_date := (period_end AT TIME ZONE zone)::date;
  metric := b.metric;

  SELECT coalesce(sum(CASE b.metric WHEN 'COST' THEN s.cost_nano WHEN 'TOKENS' THEN s.tokens ELSE s.requests END), 0)
  INTO projected FROM billing.node_spend s
  WHERE s.node_id = b.node_id AND s.organization_id = b.organization_id
    AND s.business_date >= first_date AND s.business_date < end_date AND ledger.matches_model(b.models, s.model);

  SELECT coalesce(sum(CASE b.metric
    WHEN 'COST' THEN l.cost
    WHEN 'TOKENS' THEN
      l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens
    ELSE CASE l.class WHEN 'close' THEN 1 ELSE 0 END END), 0)
  INTO rest FROM ledger.unprojected(b.organization_id) l
  WHERE ledger.is_below(l, b.node_kind, b.node_id) AND l.business_date >= first_date AND l.business_date < end_date
    AND ledger.matches_model(b.models, l.model_effective);
  committed := projected + rest;

  SELECT coalesce(jsonb_agg(ledger.intent_json(i)), '[]') INTO open FROM ledger.open_intents(b.organization_id) i
  WHERE ledger.is_below(i, b.node_kind, b.node_id) AND i.business_date >= first_date AND i.business_date < end_date
    AND ledger.matches_model(b.models, i.model_effective);

  SELECT coalesce(array_agg(l.attempt_id), '{}') INTO closed FROM ledger.attempt_log l
  WHERE l.class <> 'intent' AND l.class = 'close' AND l.organization_id = b.organization_id
    AND l.logged_at >= closed_since AND l.day >= (closed_since AT TIME ZONE 'UTC')::date - 2
    AND ledger.is_below(l, b.node_kind, b.node_id) AND l.business_date >= first_date AND l.business_date < end_date
    AND ledger.matches_model(b.models, l.model_effective);
  RETURN NEXT;
END
$$;

-- How full the windows of one organization are at an instant: one row per asked window, in the order of the arrays.
-- A minute or an hour has a current and a previous cell, counted from the epoch; a business day is one cell. Requests
-- count when they were admitted, open ones included; tokens when they were closed, in the cell of the admission.
CREATE FUNCTION ledger.window_counts(
  organization uuid, at_ms bigint, day_start_ms bigint,
  node_ids uuid[], models text[], metrics text[], windows text[]
) RETURNS TABLE (place integer, current bigint, previous bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  oldest_ms constant bigint := at_ms - CASE
    WHEN 'hour' = ANY (windows) THEN at_ms % 3600000 + 3600000
    WHEN 'minute' = ANY (windows) THEN at_ms % 60000 + 60000
    ELSE 0 END;
  this_date constant date :=
    (to_timestamp(day_start_ms / 1000.0) AT TIME ZONE coalesce(policy.organization_zone(organization), 'UTC'))::date;
BEGIN
  RETURN QUERY
  WITH asked AS (
    SELECT a.place::integer, a.node_id, a.model, a.metric, a.time_window,
      CASE a.time_window WHEN 'hour' THEN 3600000 ELSE 60000 END AS length
    FROM unnest(node_ids, models, metrics, windows) WITH ORDINALITY
      AS a (node_id, model, metric, time_window, place)
  ),
  open AS MATERIALIZED (
    SELECT i.account_path, i.api_key_id, i.model_effective, i.business_date, i.admitted_at_ms
    FROM ledger.open_intents(organization) i
    WHERE 'requests' = ANY (metrics)
  ),
  recent AS MATERIALIZED (
    SELECT l.account_path, l.api_key_id, l.model_effective, l.admitted_at_ms,
      CASE l.class WHEN 'close' THEN 1 ELSE 0 END AS requests,
      l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens AS tokens
    FROM ledger.attempt_log l
    WHERE oldest_ms < at_ms AND l.class <> 'intent' AND l.organization_id = organization
      AND l.logged_at >= to_timestamp(oldest_ms / 1000.0) AND l.admitted_at_ms >= oldest_ms
      AND l.day >= (to_timestamp(oldest_ms / 1000.0) AT TIME ZONE 'UTC')::date - 1
      AND (organization = ANY (node_ids) OR l.api_key_id = ANY (node_ids) OR l.account_path && node_ids)
    UNION ALL
    SELECT o.account_path, o.api_key_id, o.model_effective, o.admitted_at_ms, 1, 0
    FROM open o WHERE o.admitted_at_ms >= oldest_ms
  ),
  today AS MATERIALIZED (
    SELECT l.account_path, l.api_key_id, l.model_effective, CASE l.class WHEN 'close' THEN 1 ELSE 0 END AS requests,
      l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens AS tokens
    FROM ledger.unprojected(organization) l
    WHERE 'day' = ANY (windows) AND l.business_date = this_date
    UNION ALL
    SELECT o.account_path, o.api_key_id, o.model_effective, 1, 0 FROM open o WHERE o.business_date = this_date
  )
  SELECT a.place, r.current, r.previous FROM asked a CROSS JOIN LATERAL (
    SELECT
      coalesce(sum(c.amount) FILTER (WHERE c.cell = at_ms / a.length), 0)::bigint AS current,
      coalesce(sum(c.amount) FILTER (WHERE c.cell = at_ms / a.length - 1), 0)::bigint AS previous
    FROM (
      SELECT e.admitted_at_ms / a.length AS cell, CASE a.metric WHEN 'tokens' THEN e.tokens ELSE e.requests END AS amount
      FROM recent e
      WHERE (a.node_id = organization OR a.node_id = e.api_key_id OR a.node_id = ANY (e.account_path))
        AND (a.model IS NULL OR e.model_effective = a.model)
    ) c
  ) r WHERE a.time_window <> 'day'
  UNION ALL
  SELECT a.place,
    (coalesce((SELECT sum(CASE a.metric WHEN 'tokens' THEN s.tokens ELSE s.requests END) FROM billing.node_spend s
      WHERE s.node_id = a.node_id AND s.organization_id = organization
        AND s.business_date = this_date AND (a.model IS NULL OR s.model = a.model)), 0)
    + coalesce((SELECT sum(CASE a.metric WHEN 'tokens' THEN t.tokens ELSE t.requests END) FROM today t
      WHERE (a.node_id = organization OR a.node_id = t.api_key_id OR a.node_id = ANY (t.account_path))
        AND (a.model IS NULL OR t.model_effective = a.model)), 0))::bigint,
    0::bigint
  FROM asked a WHERE a.time_window = 'day';
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON TYPE ledger.attempt_row TO weir_proxy;
GRANT EXECUTE ON FUNCTION
  ledger.append(ledger.attempt_row[]),
  ledger.attempt_totals(uuid[]),
  ledger.follow_open_attempts(integer),
  ledger.doubtful_intents(bigint, uuid, integer),
  ledger.close_provisionally(uuid[]),
  ledger.position(uuid, timestamptz, timestamptz, timestamptz),
  ledger.window_counts(uuid, bigint, bigint, uuid[], text[], text[], text[])
TO weir_proxy;
