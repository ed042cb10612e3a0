-- AlterTable
ALTER TABLE "identity"."accounts" ADD COLUMN     "sticky_routing" BOOLEAN;

-- AlterTable
ALTER TABLE "identity"."api_keys" ADD COLUMN     "allow_levels" JSONB,
ADD COLUMN     "environment" TEXT NOT NULL DEFAULT 'PRODUCTION',
ADD COLUMN     "expiry_notified_at" TIMESTAMPTZ(3),
ADD COLUMN     "replaces_id" UUID,
ADD COLUMN     "require_signature" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "signing_secret" JSONB;

-- AlterTable
ALTER TABLE "identity"."models" ADD COLUMN     "environments" TEXT[] DEFAULT ARRAY['DEVELOPMENT', 'STAGING', 'PRODUCTION']::TEXT[];

-- CreateTable
CREATE TABLE "identity"."provider_key_states" (
    "provider_key_id" UUID NOT NULL,
    "model" TEXT NOT NULL,
    "organization_id" UUID NOT NULL,
    "state" TEXT NOT NULL,
    "until" TIMESTAMPTZ(3),
    "reason" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "reported_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "provider_key_states_pkey" PRIMARY KEY ("provider_key_id","model")
);

-- CreateIndex
CREATE INDEX "provider_key_states_organization_id_idx" ON "identity"."provider_key_states"("organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "provider_keys_organization_id_id_key" ON "identity"."provider_keys"("organization_id", "id");

-- AddForeignKey
ALTER TABLE "identity"."provider_key_states" ADD CONSTRAINT "provider_key_states_organization_id_provider_key_id_fkey" FOREIGN KEY ("organization_id", "provider_key_id") REFERENCES "identity"."provider_keys"("organization_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- By hand from here: what the schema language cannot say, who may see it, and what the proxy is told.

-- Degraded keys serve only when no healthy key of their Level is left; disabled ones wait for a repair; killed ones
-- were switched off in an emergency. A weight of 0 drains a key.
ALTER TABLE identity.provider_keys
  DROP CONSTRAINT provider_keys_status_check,
  DROP CONSTRAINT provider_keys_weight_check,
  ADD CONSTRAINT provider_keys_status_check CHECK (status IN ('ENABLED', 'DEGRADED', 'DISABLED', 'KILLED')),
  ADD CONSTRAINT provider_keys_weight_check CHECK (weight >= 0),
  ADD CONSTRAINT provider_keys_config_check CHECK (jsonb_typeof(config) = 'object');

ALTER TABLE identity.api_keys
  ADD CONSTRAINT api_keys_allow_levels_check CHECK (allow_levels IS NULL OR jsonb_typeof(allow_levels) = 'array'),
  ADD CONSTRAINT api_keys_environment_check CHECK (environment IN ('DEVELOPMENT', 'STAGING', 'PRODUCTION')),
  ADD CONSTRAINT api_keys_signing_check CHECK (
    (signing_secret IS NULL OR jsonb_typeof(signing_secret) = 'object')
    AND (NOT require_signature OR signing_secret IS NOT NULL)
  );

-- 0 output tokens: the model's answers are not made of tokens (embeddings, images, speech).
ALTER TABLE identity.models
  DROP CONSTRAINT models_tokens_check,
  ADD CONSTRAINT models_tokens_check CHECK (context_tokens > 0 AND max_output_tokens >= 0),
  ALTER COLUMN environments SET NOT NULL,
  ADD CONSTRAINT models_environments_check
    CHECK (environments <@ ARRAY['DEVELOPMENT', 'STAGING', 'PRODUCTION'] AND cardinality(environments) >= 1);

ALTER TABLE identity.provider_key_states
  ADD CONSTRAINT provider_key_states_state_check CHECK (state IN ('AWAKE', 'SLEEPING', 'PROBING'));

GRANT SELECT ON identity.provider_key_states TO weir_identity;
ALTER TABLE identity.provider_key_states ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.provider_key_states TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

-- Prices of tiers: an account pays the highest that is not above its own tier.
ALTER TABLE billing.prices
  ADD COLUMN tier INTEGER NOT NULL DEFAULT 0,
  ADD CONSTRAINT prices_tier_check CHECK (tier >= 0);
DROP INDEX billing.prices_organization_id_model_valid_from_key;
CREATE UNIQUE INDEX prices_organization_id_model_tier_valid_from_key
  ON billing.prices (organization_id, model, tier, valid_from) NULLS NOT DISTINCT;

-- Of each name the organization's own model before the global one, and of these the latest revision that is offered in
-- the environment of the key. Prices are the organization's own and everyone's, in all tiers; which of them counts is
-- decided by priceAt (packages/kernel/src/pricing.ts). Versions that were superseded more than a day ago are left out;
-- no running request can still need them.
DROP FUNCTION policy.models_of(uuid);
CREATE FUNCTION policy.models_of(organization uuid, environment text) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    WITH latest AS (
      SELECT DISTINCT ON (m.name) m.* FROM identity.models m
      WHERE (m.organization_id = organization OR m.organization_id IS NULL)
        AND m.environments @> ARRAY[environment]
      ORDER BY m.name, m.organization_id NULLS LAST, m.revision DESC
    ),
    versions AS (
      SELECT p.*, lead(p.valid_from) OVER (
        PARTITION BY p.model, p.organization_id, p.tier ORDER BY p.valid_from
      ) AS superseded_at
      FROM billing.prices p
      WHERE p.organization_id = organization OR p.organization_id IS NULL
    ),
    prices AS (
      SELECT v.model, json_agg(json_build_object(
        'id', v.id, 'validFromMs', floor(date_part('epoch', v.valid_from) * 1000)::bigint,
        'tier', v.tier, 'isOwn', v.organization_id IS NOT NULL,
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

CREATE OR REPLACE FUNCTION policy.provider_keys_of(organization uuid) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'id', p.id, 'ownerId', p.owner_id, 'name', p.name, 'provider', p.provider, 'baseUrl', p.base_url,
      'level', p.level, 'weight', p.weight, 'isDegraded', p.status = 'DEGRADED', 'config', p.config,
      'secret', json_build_object('ciphertext', p.ciphertext, 'nonce', p.nonce, 'version', p.key_version),
      'ownerKey', json_build_object('ciphertext', o.ciphertext, 'nonce', o.nonce, 'version', o.version)
    ) ORDER BY p.level, p.id), '[]')
    FROM identity.provider_keys p
    JOIN identity.owner_keys o ON o.organization_id = p.organization_id AND o.owner_id = p.owner_id
    WHERE p.organization_id = organization AND p.status IN ('ENABLED', 'DEGRADED')
  );
END
$$;

-- Keys that serve nobody, for whoever asks why.
CREATE FUNCTION policy.unused_provider_keys_of(organization uuid) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'id', p.id, 'name', p.name, 'provider', p.provider, 'level', p.level, 'status', p.status,
      'reason', p.disabled_reason
    ) ORDER BY p.level, p.id), '[]')
    FROM identity.provider_keys p
    WHERE p.organization_id = organization AND p.status IN ('DISABLED', 'KILLED')
  );
END
$$;

CREATE OR REPLACE FUNCTION policy.accounts_of(leaf uuid) RETURNS json
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
      'modelFailover', (c.a).model_failover, 'stickyRouting', (c.a).sticky_routing, 'limits', (c.a).limits,
      'modelLimits', (c.a).model_limits
    ) ORDER BY c.distance DESC)
    FROM chain c
  );
END
$$;

CREATE OR REPLACE FUNCTION policy.snapshot(key_hash bytea) RETURNS json
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
      'scopes', k.scopes, 'environment', k.environment,
      'disconnectPolicy', k.disconnect_policy, 'allowIps', k.allow_ips, 'allowModels', k.allow_models,
      'allowLevels', k.allow_levels, 'resources', k.resources, 'limits', k.limits, 'modelLimits', k.model_limits,
      'requireSignature', k.require_signature,
      -- Sealed with the key of the organization's owner, like its provider keys.
      'signing', (
        SELECT json_build_object(
          'ownerId', w.owner_id, 'secret', k.signing_secret,
          'ownerKey', json_build_object('ciphertext', w.ciphertext, 'nonce', w.nonce, 'version', w.version)
        )
        FROM identity.owner_keys w
        WHERE w.organization_id = o.id AND w.owner_id = (accounts -> 0 ->> 'id')::uuid
          AND k.signing_secret IS NOT NULL
      )
    ),
    'models', policy.models_of(o.id, k.environment),
    'providerKeys', policy.provider_keys_of(o.id),
    'unusedProviderKeys', policy.unused_provider_keys_of(o.id),
    'budgets', policy.budgets_of(o.id, ARRAY[o.id, k.id]
      || ARRAY(SELECT (account ->> 'id')::uuid FROM json_array_elements(accounts) AS account)),
    -- The function comes with the tables of credit, in a later migration.
    'credits', policy.credits_of(o.id,
      ARRAY(SELECT (account ->> 'id')::uuid FROM json_array_elements(accounts) AS account))
  );
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA policy FROM PUBLIC;
