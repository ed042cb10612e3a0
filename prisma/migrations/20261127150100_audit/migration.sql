-- The audit trail: append-only, one hash chain per organization and one of the platform. docs/audit.md explains it.
CREATE SCHEMA audit;

-- The head of each chain. Its row is locked while an event is appended, so that concurrent writers make one chain.
CREATE TABLE audit.chains (
  -- The organization's id; nil for the platform's own chain. No foreign key: a trail outlives what it tells of.
  chain_id uuid PRIMARY KEY,
  -- Of the last event; 0 before the first.
  sequence bigint NOT NULL DEFAULT 0,
  head_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  last_at timestamptz(3) NOT NULL DEFAULT '-infinity',
  -- The last event that retention removed; the chain is verified from there on.
  purged_sequence bigint NOT NULL DEFAULT 0,
  purged_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  CONSTRAINT chains_hashes_check CHECK (octet_length(head_hash) = 32 AND octet_length(purged_hash) = 32),
  CONSTRAINT chains_purged_check CHECK (purged_sequence BETWEEN 0 AND sequence)
);

CREATE TABLE audit.events (
  chain_id uuid NOT NULL,
  -- From 1, without gaps.
  sequence bigint NOT NULL,
  id uuid NOT NULL UNIQUE,
  -- Never before the event that precedes it in the chain, so that both orders are one.
  occurred_at timestamptz(3) NOT NULL,
  actor_type text NOT NULL CHECK (actor_type IN ('user', 'apiKey', 'client', 'service', 'system', 'anonymous')),
  actor_id uuid,
  -- As the actor was called at that moment: a person's address, a key's name.
  actor_name text,
  session_id uuid,
  action text NOT NULL CHECK (action ~ '^[a-z_]+(\.[a-z_]+)*$'),
  target_type text NOT NULL CHECK (target_type <> ''),
  target_id text,
  target_name text,
  result text NOT NULL CHECK (result IN ('SUCCESS', 'DENIED', 'FAILURE')),
  ip_address text,
  user_agent text,
  request_id text,
  -- Canonical JSON as it was hashed: text, so that no other writing of the same value can replace it.
  metadata text NOT NULL CHECK (jsonb_typeof(metadata::jsonb) = 'object'),
  previous_hash bytea NOT NULL,
  hash bytea NOT NULL,
  -- Words of the names of actor and target, for free text; derived, so not hashed.
  search tsvector GENERATED ALWAYS AS (
    to_tsvector('simple', lower(regexp_replace(
      coalesce(actor_name, '') || ' ' || coalesce(target_name, ''), '[^[:alnum:]]+', ' ', 'g'
    )))
  ) STORED,
  CONSTRAINT events_pkey PRIMARY KEY (chain_id, sequence)
);

CREATE INDEX events_occurred_at_idx ON audit.events (chain_id, occurred_at, sequence);
CREATE INDEX events_action_idx ON audit.events (chain_id, action, sequence);
CREATE INDEX events_actor_id_idx ON audit.events (chain_id, actor_id, sequence);
CREATE INDEX events_target_id_idx ON audit.events (chain_id, target_id, sequence);
CREATE INDEX events_not_success_idx ON audit.events (chain_id, result, sequence) WHERE result <> 'SUCCESS';
CREATE INDEX events_search_idx ON audit.events USING gin (search);

-- One field in the form that is hashed: its length in bytes of UTF-8, a colon, its text and a comma; `-,` for null.
CREATE FUNCTION audit.field(value text) RETURNS text
LANGUAGE sql STABLE SET search_path = '' AS $$
  SELECT coalesce(octet_length(convert_to(value, 'UTF8')) || ':' || value || ',', '-,')
$$;

-- SHA-256 of the hash before and the event's fields in this order. Times are whole milliseconds since 1970 and ids
-- lower-case text, so the same event always hashes the same.
CREATE FUNCTION audit.hash_of(e audit.events) RETURNS bytea
LANGUAGE sql STABLE SET search_path = '' AS $$
  SELECT sha256(e.previous_hash || convert_to(
    audit.field('weir-audit-1') || audit.field(e.chain_id::text) || audit.field(e.sequence::text) || audit.field(e.id::text)
      || audit.field((extract(epoch FROM e.occurred_at) * 1000)::bigint::text)
      || audit.field(e.actor_type) || audit.field(e.actor_id::text) || audit.field(e.actor_name)
      || audit.field(e.session_id::text) || audit.field(e.action)
      || audit.field(e.target_type) || audit.field(e.target_id) || audit.field(e.target_name)
      || audit.field(e.result) || audit.field(e.ip_address) || audit.field(e.user_agent) || audit.field(e.request_id)
      || audit.field(e.metadata),
    'UTF8'
  ))
$$;

-- Appends to the chain that the event names: fills in its place, its hash and what it follows.
CREATE FUNCTION audit.append(e audit.events) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
  head audit.chains;
BEGIN
  INSERT INTO audit.chains (chain_id) VALUES (e.chain_id) ON CONFLICT DO NOTHING;
  SELECT * INTO STRICT head FROM audit.chains c WHERE c.chain_id = e.chain_id FOR UPDATE;
  e.sequence := head.sequence + 1;
  -- A clock that was set back does not turn the order round.
  e.occurred_at := greatest(date_trunc('milliseconds', e.occurred_at), head.last_at);
  e.previous_hash := head.head_hash;
  e.hash := audit.hash_of(e);
  INSERT INTO audit.events (chain_id, sequence, id, occurred_at, actor_type, actor_id, actor_name, session_id, action,
    target_type, target_id, target_name, result, ip_address, user_agent, request_id, metadata, previous_hash, hash)
  VALUES (e.chain_id, e.sequence, e.id, e.occurred_at, e.actor_type, e.actor_id, e.actor_name, e.session_id, e.action,
    e.target_type, e.target_id, e.target_name, e.result, e.ip_address, e.user_agent, e.request_id, e.metadata,
    e.previous_hash, e.hash);
  UPDATE audit.chains c SET sequence = e.sequence, head_hash = e.hash, last_at = e.occurred_at
  WHERE c.chain_id = e.chain_id;
END
$$;

-- What the services call, in the transaction that the event tells of. A null organization is the platform's chain.
CREATE FUNCTION audit.record(
  organization uuid, actor_type text, actor_id uuid, session_id uuid, action text, target_type text, target_id text,
  target_name text, result text, ip_address text, user_agent text, request_id text, metadata text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  e audit.events;
BEGIN
  e.chain_id := coalesce(organization, '00000000-0000-0000-0000-000000000000');
  e.id := gen_random_uuid();
  e.occurred_at := clock_timestamp();
  e.actor_type := record.actor_type;
  e.actor_id := record.actor_id;
  e.actor_name := CASE record.actor_type
    WHEN 'user' THEN (SELECT u.email FROM identity.users u WHERE u.id = record.actor_id)
    WHEN 'apiKey' THEN (SELECT k.name FROM identity.api_keys k WHERE k.id = record.actor_id)
  END;
  e.session_id := record.session_id;
  e.action := record.action;
  e.target_type := record.target_type;
  e.target_id := record.target_id;
  e.target_name := record.target_name;
  e.result := record.result;
  e.ip_address := record.ip_address;
  e.user_agent := record.user_agent;
  e.request_id := record.request_id;
  e.metadata := record.metadata;
  PERFORM audit.append(e);
END
$$;

-- Nothing changes or removes an event; retention, which leaves a checkpoint, says so for its own transaction.
CREATE FUNCTION audit.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('audit.purging', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.events
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit.events
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE ON audit.chains
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

-- The chain that the transaction may read: its organization's, or the platform's for those who act for it.
CREATE FUNCTION audit.visible_chain() RETURNS uuid
LANGUAGE sql STABLE SET search_path = '' AS $$
  SELECT CASE
    WHEN nullif(current_setting('app.organization_id', true), '') IS NOT NULL
      THEN current_setting('app.organization_id', true)::uuid
    WHEN current_setting('app.platform', true) = 'on' THEN '00000000-0000-0000-0000-000000000000'::uuid
  END
$$;

-- Roles read through this view and have no right on the tables, which have row-level security and no policy besides.
-- It runs as its owner, so that the index on words serves (row-level security would keep it from that).
CREATE VIEW audit.visible_events AS
  SELECT nullif(e.chain_id, '00000000-0000-0000-0000-000000000000') AS organization_id, e.sequence, e.id, e.occurred_at,
    e.actor_type, e.actor_id, e.actor_name, e.session_id, e.action, e.target_type, e.target_id, e.target_name, e.result,
    e.ip_address, e.user_agent, e.request_id, e.metadata, e.previous_hash, e.hash, e.search
  FROM audit.events e WHERE e.chain_id = (SELECT audit.visible_chain());

ALTER TABLE audit.chains ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.events ENABLE ROW LEVEL SECURITY;

REVOKE ALL ON FUNCTION audit.append(audit.events), audit.record(uuid, text, uuid, uuid, text, text, text, text, text,
  text, text, text, text) FROM PUBLIC;
GRANT USAGE ON SCHEMA audit TO weir_identity, weir_billing, weir_analytics;
GRANT EXECUTE ON FUNCTION audit.record(uuid, text, uuid, uuid, text, text, text, text, text, text, text, text, text)
  TO weir_identity, weir_billing, weir_analytics;
GRANT SELECT ON audit.visible_events TO weir_identity;
