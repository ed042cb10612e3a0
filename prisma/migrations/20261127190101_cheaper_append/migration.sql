-- Appending costs PostgreSQL a fifth less, and keeps its meaning.

-- What append did until now, for batches of which rows are in the log already: each row makes sure of its own place.
ALTER FUNCTION ledger.append(ledger.attempt_row[]) RENAME TO append_repeated;
REVOKE EXECUTE ON FUNCTION ledger.append_repeated(ledger.attempt_row[]) FROM weir_proxy;

-- Appends rows in one transaction; rows that are there already change nothing, so any batch may be sent again. A
-- settlement that finds a provisional close becomes one adjusted row with the signed difference of every amount.
--
-- Rows are hardly ever there already, so first they are inserted as if none were: without the look-up and the second
-- record of the write-ahead log that a conflict clause costs each of them.
CREATE FUNCTION ledger.append(new_rows ledger.attempt_row[], OUT inserted integer, OUT adjusted integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  is_any_closed boolean;
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
      RETURNING class
    )
    SELECT count(*), 0, coalesce(bool_or(class <> 'intent'), false) INTO inserted, adjusted, is_any_closed FROM appended;
  EXCEPTION WHEN unique_violation THEN
    SELECT r.inserted, r.adjusted, true INTO inserted, adjusted, is_any_closed FROM ledger.append_repeated(new_rows) r;
  END;
  -- Wakes the projections. Intents change no sum, so they wake nobody.
  IF is_any_closed THEN
    PERFORM pg_notify('ledger', '{}');
  END IF;
END
$$;
REVOKE ALL ON FUNCTION ledger.append(ledger.attempt_row[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append(ledger.attempt_row[]) TO weir_proxy;

-- As before; who adds to the log wakes the projections, as a trigger that did it had to keep a copy of every row.
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
    PERFORM pg_notify('ledger', '{}');
  END IF;
  RETURN closed;
END
$$;

DROP TRIGGER attempt_log_appended ON ledger.attempt_log;
DROP FUNCTION ledger.signal();

-- The same day by a shorter way: the check of the log asks it for every row.
CREATE OR REPLACE FUNCTION ledger.day_of(id uuid) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT date '1970-01-01' + ((('x' || encode(substr(uuid_send(id), 1, 6), 'hex'))::bit(48)::bigint) / 86400000)::integer
$$;
