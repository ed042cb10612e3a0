-- What the proxy may know: one function answers everything about one API key, and every change that may alter an
-- answer moves an epoch and says so. Rows of no organization (global models and prices) concern everyone.

CREATE SCHEMA policy;
GRANT USAGE ON SCHEMA policy TO weir_identity, weir_billing, weir_billing_projector, weir_proxy;

-- The nil organization's row is the global epoch. What an organization sees is its own plus the global one, so that
-- either moving makes the sum grow.
CREATE TABLE policy.epochs (
  organization_id uuid PRIMARY KEY,
  epoch bigint NOT NULL
);
INSERT INTO policy.epochs VALUES ('00000000-0000-0000-0000-000000000000', 0);

-- Moves the epoch of one organization, or of all (null). The row lock makes epochs of one organization commit in order.
CREATE FUNCTION policy.touch(organization uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  nil constant uuid := '00000000-0000-0000-0000-000000000000';
  moved bigint;
BEGIN
  INSERT INTO policy.epochs AS e (organization_id, epoch) VALUES (coalesce(organization, nil), 1)
  ON CONFLICT (organization_id) DO UPDATE SET epoch = e.epoch + 1
  RETURNING e.epoch INTO moved;
  IF organization IS NOT NULL THEN
    moved := moved + (SELECT e.epoch FROM policy.epochs e WHERE e.organization_id = nil);
  END IF;
  PERFORM pg_notify('policy', json_build_object('organizationId', organization, 'epoch', moved::text)::text);
END
$$;

-- Statement-level: one step per organization that the statement really changed. The argument is the column that holds
-- the organization.
CREATE FUNCTION policy.touch_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  rows_of text;
  organization uuid;
BEGIN
  rows_of := CASE TG_OP
    WHEN 'INSERT' THEN 'TABLE new_rows'
    WHEN 'DELETE' THEN 'TABLE old_rows'
    ELSE '(TABLE old_rows EXCEPT TABLE new_rows) UNION ALL (TABLE new_rows EXCEPT TABLE old_rows)'
  END;
  -- In one order, so that two statements over the same organizations cannot lock each other out.
  FOR organization IN EXECUTE format('SELECT DISTINCT %I FROM (%s) AS changed ORDER BY 1', TG_ARGV[0], rows_of) LOOP
    PERFORM policy.touch(organization);
  END LOOP;
  RETURN NULL;
END
$$;

CREATE FUNCTION policy.touch_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  PERFORM policy.touch(NULL);
  RETURN NULL;
END
$$;

-- Every table that a snapshot reads.
DO $$
DECLARE
  source record;
BEGIN
  FOR source IN SELECT * FROM (VALUES
    ('identity.organizations', 'id'),
    ('identity.accounts', 'organization_id'),
    ('identity.api_keys', 'organization_id'),
    ('identity.owner_keys', 'organization_id'),
    ('identity.provider_keys', 'organization_id'),
    ('identity.models', 'organization_id'),
    ('billing.prices', 'organization_id'),
    ('billing.budgets', 'organization_id')
  ) AS sources (tab, col) LOOP
    EXECUTE format('CREATE TRIGGER policy_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION policy.touch_changed(%L)', source.tab, source.col);
    EXECUTE format('CREATE TRIGGER policy_updated AFTER UPDATE ON %s
      REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION policy.touch_changed(%L)', source.tab, source.col);
    EXECUTE format('CREATE TRIGGER policy_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
      FOR EACH STATEMENT EXECUTE FUNCTION policy.touch_changed(%L)', source.tab, source.col);
    EXECUTE format('CREATE TRIGGER policy_truncated AFTER TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION policy.touch_all()', source.tab);
  END LOOP;
END
$$;

-- One row per id that was asked for, also for organizations that nobody touched yet.
CREATE FUNCTION policy.epochs(organizations uuid[]) RETURNS TABLE (organization_id uuid, epoch bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT asked.id, coalesce(own.epoch, 0) + everyone.epoch
  FROM unnest(organizations) AS asked (id)
  LEFT JOIN policy.epochs own ON own.organization_id = asked.id
  CROSS JOIN policy.epochs everyone
  WHERE everyone.organization_id = '00000000-0000-0000-0000-000000000000'
$$;

CREATE FUNCTION policy.organization_zone(organization uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT time_zone FROM identity.organizations WHERE id = organization
$$;

-- Whether a budget may hang there: the node exists and belongs to the organization.
CREATE FUNCTION policy.node_exists(organization uuid, node_kind text, node_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT CASE node_kind
    WHEN 'ORGANIZATION' THEN
      node_id = organization AND EXISTS (SELECT FROM identity.organizations o WHERE o.id = organization)
    WHEN 'ACCOUNT' THEN
      EXISTS (SELECT FROM identity.accounts a WHERE a.id = node_id AND a.organization_id = organization)
    WHEN 'API_KEY' THEN
      EXISTS (SELECT FROM identity.api_keys k WHERE k.id = node_id AND k.organization_id = organization)
    ELSE false
  END
$$;

-- The parts of a snapshot, which no service may call. They are json rather than jsonb: text that is only sent away is
-- built in half the time.

-- Of each name the organization's own model before the global one, and of these the latest revision, with its prices as
-- the organization sees them: everyone's until its own begin, then only its own. Versions that were superseded more than
-- a day ago are left out; no running request can still need them.
CREATE FUNCTION policy.models_of(organization uuid) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    WITH latest AS (
      SELECT DISTINCT ON (m.name) m.* FROM identity.models m
      WHERE m.organization_id = organization OR m.organization_id IS NULL
      ORDER BY m.name, m.organization_id NULLS LAST, m.revision DESC
    ),
    own AS (
      SELECT p.model, min(p.valid_from) AS begins FROM billing.prices p
      WHERE p.organization_id = organization GROUP BY p.model
    ),
    versions AS (
      SELECT p.*, lead(p.valid_from) OVER (PARTITION BY p.model ORDER BY p.valid_from) AS superseded_at
      FROM billing.prices p LEFT JOIN own ON own.model = p.model
      WHERE p.organization_id = organization
         OR (p.organization_id IS NULL AND (own.begins IS NULL OR p.valid_from < own.begins))
    ),
    prices AS (
      SELECT v.model, json_agg(json_build_object(
        'id', v.id, 'validFromMs', floor(date_part('epoch', v.valid_from) * 1000)::bigint,
        'input', v.input::text, 'cachedInput', v.cached_input::text, 'cacheWrite', v.cache_write::text,
        'output', v.output::text, 'reasoning', v.reasoning::text, 'perRequest', v.per_request::text,
        'perImage', v.per_image::text, 'perAudioSecond', v.per_audio_second::text
      ) ORDER BY v.valid_from) AS list
      FROM versions v
      WHERE v.superseded_at IS NULL OR v.superseded_at > now() - interval '1 day'
      GROUP BY v.model
    )
    SELECT coalesce(json_agg(json_build_object(
      'id', l.id, 'name', l.name, 'aliases', l.aliases, 'snapshots', l.snapshots, 'enabled', l.enabled,
      'contextTokens', l.context_tokens, 'maxOutputTokens', l.max_output_tokens, 'minTier', l.min_tier,
      'capabilities', l.capabilities, 'prices', coalesce(p.list, '[]')
    ) ORDER BY l.name), '[]')
    FROM latest l LEFT JOIN prices p ON p.model = l.name
  );
END
$$;

CREATE FUNCTION policy.provider_keys_of(organization uuid) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'id', p.id, 'ownerId', p.owner_id, 'name', p.name, 'provider', p.provider, 'baseUrl', p.base_url,
      'level', p.level, 'weight', p.weight,
      'secret', json_build_object('ciphertext', p.ciphertext, 'nonce', p.nonce, 'version', p.key_version),
      'ownerKey', json_build_object('ciphertext', o.ciphertext, 'nonce', o.nonce, 'version', o.version)
    ) ORDER BY p.level, p.id), '[]')
    FROM identity.provider_keys p
    JOIN identity.owner_keys o ON o.organization_id = p.organization_id AND o.owner_id = p.owner_id
    WHERE p.organization_id = organization AND p.status = 'ENABLED'
  );
END
$$;

-- The accounts from the root down to `leaf`.
CREATE FUNCTION policy.accounts_of(leaf uuid) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    WITH RECURSIVE chain AS (
      SELECT a, 0 AS distance FROM identity.accounts a WHERE a.id = leaf
      UNION ALL
      -- The bound ends the walk should a cycle ever have been written.
      SELECT p, c.distance + 1 FROM chain c JOIN identity.accounts p ON p.id = (c.a).parent_id
      WHERE c.distance < 100
    )
    SELECT json_agg(json_build_object(
      'id', (c.a).id, 'kind', (c.a).kind, 'name', (c.a).name, 'status', (c.a).status, 'level', (c.a).level,
      'gear', (c.a).gear, 'tier', (c.a).tier, 'ratesPpm', (c.a).rates_ppm::text, 'allowIps', (c.a).allow_ips,
      'allowModels', (c.a).allow_models, 'allowLevels', (c.a).allow_levels, 'resources', (c.a).resources,
      'modelMapper', (c.a).model_mapper, 'levelMapper', (c.a).level_mapper, 'switchOver', (c.a).switch_over,
      'modelFailover', (c.a).model_failover, 'limits', (c.a).limits, 'modelLimits', (c.a).model_limits
    ) ORDER BY c.distance DESC)
    FROM chain c
  );
END
$$;

CREATE FUNCTION policy.budgets_of(organization uuid, nodes uuid[]) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'id', b.id, 'name', b.name, 'nodeKind', b.node_kind, 'nodeId', b.node_id, 'metric', b.metric,
      'limit', b.limit_amount::text, 'period', b.period, 'models', b.models, 'enforcement', b.enforcement,
      'graceMinutes', b.grace_minutes
    ) ORDER BY b.id), '[]')
    FROM billing.budgets b
    WHERE b.organization_id = organization AND b.node_id = ANY (nodes) AND b.status = 'ACTIVE'
  );
END
$$;

-- Everything the proxy needs to decide about one API key, in the shape of packages/contracts/src/policy-snapshot.ts;
-- null for an unknown key. A revoked or expired key and a suspended chain are answered too: the proxy says which it was.
-- STABLE: all parts read the same state of the database, the epoch included.
CREATE FUNCTION policy.snapshot(key_hash bytea) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' SET jit = off AS $$
DECLARE
  k identity.api_keys;
  o identity.organizations;
  accounts json;
BEGIN
  SELECT * INTO k FROM identity.api_keys c WHERE c.key_hash = snapshot.key_hash;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT * INTO STRICT o FROM identity.organizations c WHERE c.id = k.organization_id;
  accounts := policy.accounts_of(k.account_id);
  RETURN json_build_object(
    'epoch', (SELECT e.epoch::text FROM policy.epochs(ARRAY[o.id]) e),
    'organization', json_build_object(
      'id', o.id, 'slug', o.slug, 'status', o.status, 'timeZone', o.time_zone, 'limits', o.limits,
      'modelLimits', o.model_limits
    ),
    'accounts', accounts,
    'key', json_build_object(
      'id', k.id, 'name', k.name, 'status', k.status, 'expiresAtMs', floor(date_part('epoch', k.expires_at) * 1000)::bigint,
      'scopes', k.scopes,
      'disconnectPolicy', k.disconnect_policy, 'allowIps', k.allow_ips, 'allowModels', k.allow_models,
      'resources', k.resources, 'limits', k.limits, 'modelLimits', k.model_limits
    ),
    'models', policy.models_of(o.id),
    'providerKeys', policy.provider_keys_of(o.id),
    'budgets', policy.budgets_of(o.id, ARRAY[o.id, k.id]
      || ARRAY(SELECT (account ->> 'id')::uuid FROM json_array_elements(accounts) AS account))
  );
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA policy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.snapshot(bytea), policy.epochs(uuid[]) TO weir_proxy;
GRANT EXECUTE ON FUNCTION policy.organization_zone(uuid)
  TO weir_proxy, weir_billing, weir_billing_projector;
GRANT EXECUTE ON FUNCTION policy.node_exists(uuid, text, uuid) TO weir_billing;
