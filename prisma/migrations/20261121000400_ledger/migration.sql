-- The attempt log: append-only, the one record of what was attempted and what it cost. One row per attempt and class:
-- `intent`, `close` (settled or provisional), `adjust` (the difference when a settlement follows a provisional close).

CREATE SCHEMA ledger;
GRANT USAGE ON SCHEMA ledger TO weir_proxy, weir_billing_projector, weir_analytics_projector;

-- The UTC date of a UUIDv7. Only what is immutable may be used in a constraint, and only what is old in a supported
-- server: uuid_extract_timestamp came with PostgreSQL 17.
CREATE FUNCTION ledger.day_of(id uuid) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT date '1970-01-01'
    + ((('x' || substr(id::text, 1, 8) || substr(id::text, 10, 4))::bit(48)::bigint) / 86400000)::integer
$$;

-- Not an identity column: partitions have their own only since PostgreSQL 17.
CREATE SEQUENCE ledger.attempt_log_seq AS bigint;

CREATE TABLE ledger.attempt_log (
  -- (xid, seq) is the reading order: complete below pg_snapshot_xmin, whatever order transactions commit in.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seq bigint NOT NULL DEFAULT nextval('ledger.attempt_log_seq'),
  logged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- ledger.day_of(attempt_id)
  day date NOT NULL,
  class text NOT NULL,
  kind text NOT NULL,

  attempt_id uuid NOT NULL,
  request_id uuid NOT NULL,
  attempt_number integer NOT NULL,
  organization_id uuid NOT NULL,
  -- Root to leaf.
  account_path uuid[] NOT NULL,
  api_key_id uuid NOT NULL,
  model_requested text NOT NULL,
  model_effective text NOT NULL,
  provider text NOT NULL,
  provider_key_id uuid NOT NULL,
  decision text NOT NULL,
  endpoint text NOT NULL,
  stream boolean NOT NULL,
  price_id text,
  admitted_at_ms bigint NOT NULL,
  business_date date NOT NULL,

  -- Of intents: upper bounds, nano-USD and tokens.
  hold_cost bigint,
  hold_tokens bigint,

  -- Of the others: additive and signed, so that the sum over an attempt is what it cost.
  input_tokens bigint NOT NULL DEFAULT 0,
  cached_input_tokens bigint NOT NULL DEFAULT 0,
  cache_write_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  reasoning_tokens bigint NOT NULL DEFAULT 0,
  images bigint NOT NULL DEFAULT 0,
  audio_ms bigint NOT NULL DEFAULT 0,
  -- Nano-USD.
  cost bigint NOT NULL DEFAULT 0,
  metering_source text,
  status text,
  upstream_status integer,
  error_code text,
  disconnected boolean,
  latency_ms integer,
  time_to_first_byte_ms integer,

  CONSTRAINT attempt_log_once UNIQUE (attempt_id, class, day),
  CONSTRAINT attempt_log_day_check CHECK (day = ledger.day_of(attempt_id)),
  CONSTRAINT attempt_log_path_check CHECK (cardinality(account_path) >= 1),
  CONSTRAINT attempt_log_decision_check CHECK (decision IN ('PRIMARY', 'FAILOVER', 'OVERRIDE')),
  CONSTRAINT attempt_log_class_check CHECK (
    (class = 'intent' AND kind = 'intent' AND hold_cost IS NOT NULL AND hold_tokens IS NOT NULL)
    OR (((class = 'close' AND kind IN ('settled', 'provisional')) OR (class = 'adjust' AND kind = 'adjusted'))
        AND metering_source IN ('PROVIDER', 'ESTIMATED', 'DRAINED', 'HOLD', 'NONE')
        AND status IN ('SUCCESS', 'ERROR', 'TIMEOUT', 'THROTTLED', 'ABORTED', 'INCOMPLETE', 'UNKNOWN')
        AND metering_source IS NOT NULL AND status IS NOT NULL
        AND disconnected IS NOT NULL AND latency_ms IS NOT NULL)
  )
) PARTITION BY RANGE (day);

CREATE INDEX attempt_log_order_idx ON ledger.attempt_log (xid, seq);

-- Catches what has no partition of its own (a replay of an old spill, a clock far ahead), so that no insert fails.
CREATE TABLE ledger.attempt_log_default PARTITION OF ledger.attempt_log DEFAULT;

-- Makes the partitions from yesterday to `days` days ahead exist; idempotent, and safe when several do it at once.
-- Attaching takes no lock that an insert waits for, except on the default partition.
CREATE FUNCTION ledger.ensure_partitions(days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  today constant date := (now() AT TIME ZONE 'UTC')::date;
  wanted date;
  part text;
  created integer := 0;
BEGIN
  IF days NOT BETWEEN 0 AND 366 THEN
    RAISE EXCEPTION 'days must be between 0 and 366' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR wanted IN SELECT today + n FROM generate_series(-1, days) AS n LOOP
    part := 'attempt_log_' || to_char(wanted, 'YYYYMMDD');
    CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_class c
      WHERE c.relnamespace = 'ledger'::regnamespace AND c.relname = part);
    -- Taken only when there is something to do, and then looked at again: by a query, because to_regclass may answer from
    -- a cache that is older than the lock.
    PERFORM pg_advisory_xact_lock(hashtext('ledger.ensure_partitions'));
    CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_class c
      WHERE c.relnamespace = 'ledger'::regnamespace AND c.relname = part);
    EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.attempt_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
    -- Rows of that day that the default partition caught move over with their place in the order unchanged.
    LOCK TABLE ledger.attempt_log_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
      'WITH moved AS (DELETE FROM ledger.attempt_log_default WHERE day = %L RETURNING *)
       INSERT INTO ledger.%I SELECT * FROM moved', wanted, part);
    EXECUTE format('ALTER TABLE ledger.attempt_log ATTACH PARTITION ledger.%I FOR VALUES FROM (%L) TO (%L)',
      part, wanted, wanted + 1);
    created := created + 1;
  END LOOP;
  RETURN created;
END
$$;

-- Wakes the projections. Intents change no sum, so they wake nobody.
CREATE FUNCTION ledger.signal() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF EXISTS (SELECT FROM new_rows WHERE class <> 'intent') THEN
    PERFORM pg_notify('ledger', '{}');
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER attempt_log_appended AFTER INSERT ON ledger.attempt_log REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.signal();

-- Append-only: UPDATE and DELETE are granted to nobody. Partitions are reached through the parent alone.
ALTER TABLE ledger.attempt_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY append ON ledger.attempt_log FOR INSERT TO weir_proxy WITH CHECK (true);
CREATE POLICY projection ON ledger.attempt_log FOR SELECT
  TO weir_billing_projector, weir_analytics_projector USING (true);
GRANT INSERT ON ledger.attempt_log TO weir_proxy;
GRANT USAGE ON SEQUENCE ledger.attempt_log_seq TO weir_proxy;
GRANT SELECT ON ledger.attempt_log TO weir_billing_projector, weir_analytics_projector;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.day_of(uuid) TO weir_proxy, weir_billing_projector, weir_analytics_projector;
GRANT EXECUTE ON FUNCTION ledger.ensure_partitions(integer) TO weir_proxy;
