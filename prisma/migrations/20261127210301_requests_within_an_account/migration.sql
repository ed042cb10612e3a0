-- As before, and only what was asked for below an account, where one is given: an administrator of an account sees
-- nothing of those beside it.
DROP FUNCTION analytics.request_attempts(uuid, uuid, uuid);
CREATE FUNCTION analytics.request_attempts(
  organization uuid, request uuid, api_key uuid, account uuid DEFAULT NULL
)
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
      AND (account IS NULL OR l.account_path @> ARRAY[account])
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
REVOKE ALL ON FUNCTION analytics.request_attempts(uuid, uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.request_attempts(uuid, uuid, uuid, uuid) TO weir_proxy;
