-- What attempts of a batch have in common comes once per batch, because reading a value from its text costs PostgreSQL
-- more than copying it.

-- What most attempts of one key have in common.
CREATE TYPE ledger.attempt_shared AS (
  day date,
  business_date date,
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
  price_id text
);

-- The rest of an attempt's row. `place` is that of its shared part, counted from 1.
CREATE TYPE ledger.attempt_own AS (
  place integer,
  attempt_id uuid,
  kind text,
  request_id uuid,
  attempt_number integer,
  admitted_at_ms bigint,
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

-- Rows put together. One whose shared part is missing stays, without what it would have from there, so that the log
-- refuses it instead of losing it. Sets no search path, as only so it is merged into the query that uses it.
CREATE FUNCTION ledger.attempt_rows(shared ledger.attempt_shared[], own ledger.attempt_own[])
RETURNS SETOF ledger.attempt_row
LANGUAGE sql IMMUTABLE AS $$
  SELECT
    s.day, o.attempt_id, o.kind, o.request_id, o.attempt_number, s.organization_id, s.account_path, s.api_key_id,
    s.model_requested, s.model_effective, s.provider, s.provider_key_id, s.decision, s.endpoint, s.stream, s.price_id,
    o.admitted_at_ms, s.business_date, o.hold_cost, o.hold_tokens, o.input_tokens, o.cached_input_tokens,
    o.cache_write_tokens, o.output_tokens, o.reasoning_tokens, o.images, o.audio_ms, o.cost, o.metering_source, o.status,
    o.upstream_status, o.error_code, o.disconnected, o.latency_ms, o.time_to_first_byte_ms
  FROM unnest(own) AS o
  LEFT JOIN unnest(shared) WITH ORDINALITY AS s ON s.ordinality = o.place
$$;

-- Appends rows in one transaction; rows that are there already change nothing, so any batch may be sent again. A
-- settlement that finds a provisional close becomes one adjusted row with the signed difference of every amount.
--
-- Rows are hardly ever there already, so first they are inserted as if none were: without the look-up and the second
-- record of the write-ahead log that a conflict clause costs each of them.
CREATE FUNCTION ledger.append(
  shared ledger.attempt_shared[], own ledger.attempt_own[], OUT inserted integer, OUT adjusted integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  is_any_closed boolean;
  is_noted boolean;
BEGIN
  BEGIN
    WITH appended AS (
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
      FROM ledger.attempt_rows(shared, own) AS n
      RETURNING class, day
    )
    -- Looked up here already, as nearly every batch is of one day that is noted.
    SELECT a.inserted, 0, coalesce(a.is_any_closed, false), a.first_day = a.last_day AND EXISTS (
      SELECT FROM ledger.written_days w
      WHERE w.day = a.first_day AND w.generation >= ledger.generation_of(pg_current_xact_id()))
    INTO inserted, adjusted, is_any_closed, is_noted FROM (
      SELECT count(*) AS inserted, bool_or(class <> 'intent') AS is_any_closed, min(day) AS first_day, max(day) AS last_day
      FROM appended
    ) a;
  EXCEPTION WHEN unique_violation THEN
    SELECT r.inserted, r.adjusted, true, false INTO inserted, adjusted, is_any_closed, is_noted
    FROM ledger.append_repeated(ARRAY(SELECT n FROM ledger.attempt_rows(shared, own) AS n)) r;
  END;
  IF is_noted IS NOT TRUE THEN
    PERFORM ledger.note_days(ARRAY(SELECT DISTINCT s.day FROM unnest(shared) AS s));
  END IF;
  -- Wakes the projections. Intents change no sum, so they wake nobody.
  IF is_any_closed THEN
    PERFORM pg_notify('ledger', '{}');
  END IF;
END
$$;

-- The same for whole rows, as proxies of former releases send them: a shared part for each.
CREATE OR REPLACE FUNCTION ledger.append(new_rows ledger.attempt_row[], OUT inserted integer, OUT adjusted integer)
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
  SELECT a.inserted, a.adjusted FROM (
    SELECT
      array_agg(ROW(
        n.day, n.business_date, n.organization_id, n.account_path, n.api_key_id, n.model_requested, n.model_effective,
        n.provider, n.provider_key_id, n.decision, n.endpoint, n.stream, n.price_id
      )::ledger.attempt_shared ORDER BY n.ordinality) AS shared,
      array_agg(ROW(
        n.ordinality, n.attempt_id, n.kind, n.request_id, n.attempt_number, n.admitted_at_ms, n.hold_cost, n.hold_tokens,
        n.input_tokens, n.cached_input_tokens, n.cache_write_tokens, n.output_tokens, n.reasoning_tokens, n.images,
        n.audio_ms, n.cost, n.metering_source, n.status, n.upstream_status, n.error_code, n.disconnected, n.latency_ms,
        n.time_to_first_byte_ms
      )::ledger.attempt_own ORDER BY n.ordinality) AS own
    FROM unnest(new_rows) WITH ORDINALITY AS n
  ) parts
  CROSS JOIN LATERAL ledger.append(coalesce(parts.shared, '{}'), coalesce(parts.own, '{}')) a
$$;

REVOKE ALL ON FUNCTION ledger.attempt_rows(ledger.attempt_shared[], ledger.attempt_own[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.append(ledger.attempt_shared[], ledger.attempt_own[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append(ledger.attempt_shared[], ledger.attempt_own[]) TO weir_proxy;
