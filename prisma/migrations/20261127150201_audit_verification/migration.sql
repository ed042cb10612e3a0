-- Verification, retention and exports of the audit trail. Each works on the chain that the transaction may read.

CREATE FUNCTION audit.visible_head()
RETURNS TABLE (sequence bigint, head_hash bytea, purged_sequence bigint, purged_hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT c.sequence, c.head_hash, c.purged_sequence, c.purged_hash FROM audit.chains c
  WHERE c.chain_id = audit.visible_chain()
$$;

-- Walks at most `take` events after a place in the chain whose hash is given, and stops at the first that does not fit:
-- MISSING where a number is left out, BROKEN_LINK where an event does not follow the one before it, CHANGED where its own
-- hash is not that of its content.
CREATE FUNCTION audit.walk(
  after bigint, after_hash bytea, take integer,
  OUT last_sequence bigint, OUT last_hash bytea, OUT walked integer, OUT problem text, OUT problem_sequence bigint,
  OUT problem_id uuid
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  e audit.events;
BEGIN
  last_sequence := after;
  last_hash := after_hash;
  walked := 0;
  FOR e IN
    SELECT * FROM audit.events v
    WHERE v.chain_id = audit.visible_chain() AND v.sequence > after ORDER BY v.sequence LIMIT take
  LOOP
    IF e.sequence <> last_sequence + 1 THEN
      problem := 'MISSING';
      problem_sequence := last_sequence + 1;
      RETURN;
    END IF;
    problem := CASE
      WHEN e.hash <> audit.hash_of(e) THEN 'CHANGED'
      WHEN e.previous_hash <> last_hash THEN 'BROKEN_LINK'
    END;
    IF problem IS NOT NULL THEN
      problem_sequence := e.sequence;
      problem_id := e.id;
      RETURN;
    END IF;
    last_sequence := e.sequence;
    last_hash := e.hash;
    walked := walked + 1;
  END LOOP;
END
$$;

-- Removes what is older than an instant, the oldest first and at most `take` events, and leaves a checkpoint: the chain
-- is verified from there on, and an event in the chain attests it. The newest event always stays, and nothing younger
-- than 90 days goes, whatever is asked.
CREATE FUNCTION audit.purge(chain uuid, before timestamptz, take integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  head audit.chains;
  last audit.events;
  e audit.events;
BEGIN
  IF before > now() - interval '90 days' THEN
    RAISE EXCEPTION 'audit events are kept for 90 days at least' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT * INTO head FROM audit.chains c WHERE c.chain_id = chain FOR UPDATE;
  SELECT * INTO last FROM (
    SELECT * FROM audit.events v WHERE v.chain_id = chain AND v.sequence < head.sequence ORDER BY v.sequence LIMIT take
  ) oldest WHERE oldest.occurred_at < before ORDER BY oldest.sequence DESC LIMIT 1;
  IF last.sequence IS NULL THEN
    RETURN 0;
  END IF;
  PERFORM set_config('audit.purging', 'on', true);
  DELETE FROM audit.events v WHERE v.chain_id = chain AND v.sequence <= last.sequence;
  PERFORM set_config('audit.purging', 'off', true);
  UPDATE audit.chains c SET purged_sequence = last.sequence, purged_hash = last.hash WHERE c.chain_id = chain;
  e.chain_id := chain;
  e.id := gen_random_uuid();
  e.occurred_at := clock_timestamp();
  e.actor_type := 'system';
  e.action := 'audit.purge';
  e.target_type := CASE WHEN chain = '00000000-0000-0000-0000-000000000000' THEN 'platform' ELSE 'organization' END;
  e.target_id := nullif(chain, '00000000-0000-0000-0000-000000000000')::text;
  e.result := 'SUCCESS';
  e.metadata := format('{"hash":"%s","through":"%s"}', encode(last.hash, 'hex'), last.sequence);
  PERFORM audit.append(e);
  RETURN last.sequence - head.purged_sequence;
END
$$;

-- The chains whose oldest event is older than an instant.
CREATE FUNCTION audit.chains_older_than(before timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT c.chain_id FROM audit.chains c
  JOIN audit.events e ON e.chain_id = c.chain_id AND e.sequence = c.purged_sequence + 1
  WHERE e.occurred_at < before AND e.sequence < c.sequence
$$;

-- What somebody may download for a while. The content follows from the events, which never change, so it is not kept.
CREATE TABLE audit.exports (
  id uuid PRIMARY KEY,
  -- Nil for the platform's own trail.
  chain_id uuid NOT NULL,
  -- SHA-256 of the token in the link.
  token_hash bytea NOT NULL UNIQUE,
  format text NOT NULL CHECK (format IN ('NDJSON', 'CSV')),
  -- Which events, as the service reads them again for each download.
  conditions jsonb NOT NULL,
  events integer NOT NULL,
  bytes bigint NOT NULL,
  -- Of the whole file.
  sha256 bytea NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  expires_at timestamptz(3) NOT NULL
);

CREATE INDEX exports_expires_at_idx ON audit.exports (expires_at);

ALTER TABLE audit.exports ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit.exports TO weir_identity USING (chain_id = (SELECT audit.visible_chain()));
CREATE POLICY presented ON audit.exports FOR SELECT TO weir_identity
  USING (encode(token_hash, 'hex') = nullif(current_setting('app.credential', true), ''));
CREATE POLICY expired ON audit.exports FOR DELETE TO weir_identity USING (expires_at < now());
CREATE POLICY expired_seen ON audit.exports FOR SELECT TO weir_identity USING (expires_at < now());

REVOKE ALL ON FUNCTION audit.visible_head(), audit.walk(bigint, bytea, integer), audit.purge(uuid, timestamptz, integer),
  audit.chains_older_than(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.visible_head(), audit.walk(bigint, bytea, integer),
  audit.purge(uuid, timestamptz, integer), audit.chains_older_than(timestamptz) TO weir_identity;
GRANT SELECT, INSERT, DELETE ON audit.exports TO weir_identity;
