-- What an API key may ask about itself. The proxy may call these functions and read nothing else; it asks them with the
-- key, or the organization, that it has authenticated.

-- What a key consumed on the business dates from `first_date` to `last_date`, of every model or one, by date and model:
-- the rollup, and what the projection has not added to it yet.
CREATE FUNCTION analytics.key_usage(organization uuid, api_key uuid, first_date date, last_date date, only_model text)
RETURNS TABLE (
  business_date date, model text, requests bigint, input_tokens bigint, cached_input_tokens bigint,
  cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint, images bigint, audio_ms bigint, cost bigint
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  WITH consumed AS (
    SELECT d.bucket AS business_date, d.model, d.requests, d.input_tokens, d.cached_input_tokens, d.cache_write_tokens,
      d.output_tokens, d.reasoning_tokens, d.images, d.audio_ms, d.cost_nano AS cost
    FROM analytics.usage_daily d
    WHERE d.node_id = api_key AND d.organization_id = organization AND d.bucket BETWEEN first_date AND last_date
      AND (only_model IS NULL OR d.model = only_model)
    UNION ALL
    SELECT l.business_date, l.model_effective, (l.class = 'close')::integer, l.input_tokens, l.cached_input_tokens,
      l.cache_write_tokens, l.output_tokens, l.reasoning_tokens, l.images, l.audio_ms, l.cost
    FROM ledger.attempt_log l
    WHERE (l.xid, l.seq) > (
        coalesce((SELECT p.xid FROM analytics.projection_cursor p WHERE p.name = 'analytics'), '0'::xid8),
        coalesce((SELECT p.seq FROM analytics.projection_cursor p WHERE p.name = 'analytics'), 0))
      AND l.class <> 'intent' AND l.organization_id = organization AND l.api_key_id = api_key
      AND l.business_date BETWEEN first_date AND last_date AND (only_model IS NULL OR l.model_effective = only_model)
  )
  SELECT c.business_date, c.model, sum(c.requests)::bigint, sum(c.input_tokens)::bigint,
    sum(c.cached_input_tokens)::bigint, sum(c.cache_write_tokens)::bigint, sum(c.output_tokens)::bigint,
    sum(c.reasoning_tokens)::bigint, sum(c.images)::bigint, sum(c.audio_ms)::bigint, sum(c.cost)::bigint
  FROM consumed c GROUP BY c.business_date, c.model ORDER BY c.business_date, c.model
$$;

-- The attempts of one request as the ledger has them: dimensions of the first row there is, amounts with corrections
-- added, the outcome of the latest row. Attempts that still run have no status. Only of the given key, unless it is null.
--
-- The log has no index by request, because every insert would pay for it: closed attempts are found through the events
-- of analytics, those that are not projected yet in the short rest of the log, and running ones among the open intents.
CREATE FUNCTION analytics.request_attempts(organization uuid, request uuid, api_key uuid)
RETURNS TABLE (
  attempt_id uuid, attempt_number integer, api_key_id uuid, model_requested text, model_effective text, provider text,
  provider_key_id uuid, decision text, endpoint text, stream boolean, price_id text, admitted_at_ms bigint,
  business_date date, hold_cost bigint, hold_tokens bigint, input_tokens bigint, cached_input_tokens bigint,
  cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint, images bigint, audio_ms bigint, cost bigint,
  kind text, metering_source text, status text, upstream_status integer, error_code text, disconnected boolean,
  latency_ms integer, time_to_first_byte_ms integer
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  WITH attempts AS MATERIALIZED (
    SELECT e.attempt_id FROM analytics.usage_events e WHERE e.organization_id = organization AND e.request_id = request
    UNION
    SELECT l.attempt_id FROM ledger.attempt_log l
    WHERE (l.xid, l.seq) > (
        coalesce((SELECT p.xid FROM analytics.projection_cursor p WHERE p.name = 'analytics'), '0'::xid8),
        coalesce((SELECT p.seq FROM analytics.projection_cursor p WHERE p.name = 'analytics'), 0))
      AND l.organization_id = organization AND l.request_id = request
    UNION
    SELECT i.attempt_id FROM ledger.open_intents(organization) i WHERE i.request_id = request
  ),
  entries AS MATERIALIZED (
    SELECT l.* FROM attempts a
    JOIN ledger.attempt_log l ON l.attempt_id = a.attempt_id AND l.day = ledger.day_of(a.attempt_id)
    WHERE l.organization_id = organization AND (api_key IS NULL OR l.api_key_id = api_key)
  ),
  amount AS (
    SELECT e.attempt_id, max(e.hold_cost) AS hold_cost, max(e.hold_tokens) AS hold_tokens,
      sum(e.input_tokens)::bigint AS input_tokens, sum(e.cached_input_tokens)::bigint AS cached_input_tokens,
      sum(e.cache_write_tokens)::bigint AS cache_write_tokens, sum(e.output_tokens)::bigint AS output_tokens,
      sum(e.reasoning_tokens)::bigint AS reasoning_tokens, sum(e.images)::bigint AS images,
      sum(e.audio_ms)::bigint AS audio_ms, sum(e.cost)::bigint AS cost
    FROM entries e GROUP BY e.attempt_id
  ),
  latest AS (
    SELECT DISTINCT ON (e.attempt_id) e.* FROM entries e
    ORDER BY e.attempt_id, CASE e.class WHEN 'adjust' THEN 0 WHEN 'close' THEN 1 ELSE 2 END
  )
  SELECT l.attempt_id, l.attempt_number, l.api_key_id, l.model_requested, l.model_effective, l.provider,
    l.provider_key_id, l.decision, l.endpoint, l.stream, l.price_id, l.admitted_at_ms, l.business_date, m.hold_cost,
    m.hold_tokens, m.input_tokens, m.cached_input_tokens, m.cache_write_tokens, m.output_tokens, m.reasoning_tokens,
    m.images, m.audio_ms, m.cost, l.kind, l.metering_source, l.status, l.upstream_status, l.error_code, l.disconnected,
    l.latency_ms, l.time_to_first_byte_ms
  FROM latest l JOIN amount m USING (attempt_id) ORDER BY l.attempt_number
$$;

REVOKE ALL ON FUNCTION
  analytics.key_usage(uuid, uuid, date, date, text), analytics.request_attempts(uuid, uuid, uuid) FROM PUBLIC;
GRANT USAGE ON SCHEMA analytics TO weir_proxy;
GRANT EXECUTE ON FUNCTION
  analytics.key_usage(uuid, uuid, date, date, text), analytics.request_attempts(uuid, uuid, uuid) TO weir_proxy;
