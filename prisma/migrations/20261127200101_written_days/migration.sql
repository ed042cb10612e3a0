-- Which days of the attempt log can hold rows that a reader has not read yet. A row may come days late, so without this
-- every reader has to look into every partition that there is.

-- Transactions are counted in generations of 16,384, and each day remembers the last generation that wrote to it. A reader
-- whose next row is of generation g finds all that it has not read on the days whose generation is g or later: a function
-- of the transaction ids alone, so it is exact whatever clocks say and whatever order transactions commit in. A day is
-- written here once per generation, which is minutes under load and hours without.
CREATE TABLE ledger.written_days (
  day date PRIMARY KEY,
  generation bigint NOT NULL
);
CREATE INDEX written_days_generation_idx ON ledger.written_days (generation);

CREATE FUNCTION ledger.generation_of(id xid8) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT id::text::bigint >> 14
$$;

-- The days that can hold rows of this transaction and of later ones, as far as the snapshot shows those. Rows and days are
-- to be read in one snapshot, or no row at or above the snapshot's xmin.
CREATE FUNCTION ledger.days_since(id xid8) RETURNS date[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT coalesce(array_agg(w.day ORDER BY w.day), '{}') FROM ledger.written_days w
  WHERE w.generation >= ledger.generation_of(id)
$$;

-- Whoever adds rows to the log calls this after it, in the same transaction, with each of their days once. In the order of
-- the days, so that two who write the same ones wait for each other instead of for ever.
CREATE FUNCTION ledger.note_days(days date[]) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
  current_generation constant bigint := ledger.generation_of(pg_current_xact_id());
BEGIN
  IF (SELECT count(*) FROM ledger.written_days w WHERE w.day = ANY (days) AND w.generation >= current_generation)
      < cardinality(days) THEN
    INSERT INTO ledger.written_days AS w (day, generation)
    SELECT d.day, current_generation FROM unnest(days) AS d (day) ORDER BY d.day
    ON CONFLICT (day) DO UPDATE SET generation = excluded.generation WHERE w.generation < excluded.generation;
  END IF;
END
$$;

-- What is there already is counted to the next generation, which those also fall into who are adding rows the former way
-- at this moment.
INSERT INTO ledger.written_days (day, generation)
SELECT p.day, ledger.generation_of(pg_current_xact_id()) + 1 FROM (
  SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
  FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
  WHERE h.inhparent = 'ledger.attempt_log'::regclass AND c.relname ~ '^attempt_log_\d{8}$'
  UNION
  SELECT day FROM ledger.attempt_log_default
) p;

-- As before; and the days are noted.
CREATE OR REPLACE FUNCTION ledger.append(new_rows ledger.attempt_row[], OUT inserted integer, OUT adjusted integer)
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
      FROM unnest(new_rows) AS n
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
    FROM ledger.append_repeated(new_rows) r;
  END;
  IF is_noted IS NOT TRUE THEN
    PERFORM ledger.note_days(ARRAY(SELECT DISTINCT n.day FROM unnest(new_rows) AS n));
  END IF;
  -- Wakes the projections. Intents change no sum, so they wake nobody.
  IF is_any_closed THEN
    PERFORM pg_notify('ledger', '{}');
  END IF;
END
$$;

-- As before; and the days are noted.
CREATE OR REPLACE FUNCTION ledger.close_provisionally(attempt_ids uuid[]) RETURNS integer
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
  IF closed > 0 THEN
    PERFORM ledger.note_days(ARRAY(SELECT DISTINCT ledger.day_of(asked.id) FROM unnest(attempt_ids) AS asked (id)));
    PERFORM pg_notify('ledger', '{}');
  END IF;
  RETURN closed;
END
$$;

-- Rows come through these functions alone, so that none is on a day that nobody noted.
DROP POLICY append ON ledger.attempt_log;
REVOKE INSERT ON ledger.attempt_log FROM weir_proxy;
REVOKE USAGE ON SEQUENCE ledger.attempt_log_seq FROM weir_proxy;

REVOKE ALL ON FUNCTION ledger.generation_of(xid8), ledger.days_since(xid8), ledger.note_days(date[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.days_since(xid8) TO weir_billing_projector, weir_analytics_projector;
