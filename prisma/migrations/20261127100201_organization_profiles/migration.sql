-- AlterTable
ALTER TABLE "identity"."organizations" ADD COLUMN     "address" JSONB,
ADD COLUMN     "contacts" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "currency" TEXT NOT NULL DEFAULT 'USD',
ADD COLUMN     "deleted_at" TIMESTAMPTZ(3),
ADD COLUMN     "description" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "settings" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "website" TEXT,
ALTER COLUMN "plan_tier" SET DEFAULT 'ENTERPRISE';

-- CreateTable
CREATE TABLE "identity"."organization_changes" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" UUID,
    "fields" TEXT[],
    "before" JSONB NOT NULL,
    "after" JSONB NOT NULL,
    "version" INTEGER NOT NULL,
    "reverts_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organization_changes_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "organization_changes_organization_id_created_at_id_idx" ON "identity"."organization_changes"("organization_id", "created_at", "id");

-- AddForeignKey
ALTER TABLE "identity"."organization_changes" ADD CONSTRAINT "organization_changes_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- By hand from here.

-- No plan has limited anybody until now: whoever is here keeps that.
UPDATE identity.organizations SET plan_tier = 'ENTERPRISE';

ALTER TABLE identity.organizations
  ADD CONSTRAINT organizations_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT organizations_profile_check CHECK (
    jsonb_typeof(contacts) = 'object' AND jsonb_typeof(settings) = 'object'
    AND (address IS NULL OR jsonb_typeof(address) = 'object')
  ),
  ADD CONSTRAINT organizations_deleted_check CHECK (deleted_at IS NULL OR status = 'CLOSED');

ALTER TABLE identity.organization_changes
  ADD CONSTRAINT organization_changes_kind_check
    CHECK (kind IN ('PROFILE', 'SETTINGS', 'LIMITS', 'PLAN', 'STATUS', 'DELETION', 'REVERT')),
  ADD CONSTRAINT organization_changes_actor_check CHECK (actor_kind IN ('USER', 'API_KEY', 'PLATFORM'));
GRANT SELECT, INSERT ON identity.organization_changes TO weir_identity;
ALTER TABLE identity.organization_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.organization_changes TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

-- People who operate the platform see every organization, in transactions that say so; no tenant's request does.
CREATE POLICY platform ON identity.organizations TO weir_identity
  USING (current_setting('app.platform', true) = 'on');

-- A slug never changes: it is in addresses, in files and in other people's notes.
CREATE FUNCTION identity.keep_slug() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  RAISE EXCEPTION 'the slug of an organization never changes' USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER slug_kept BEFORE UPDATE OF slug ON identity.organizations
  FOR EACH ROW WHEN (OLD.slug IS DISTINCT FROM NEW.slug) EXECUTE FUNCTION identity.keep_slug();

-- What a plan allows an organization whose own limits say nothing else, as subgraphs/identity/src/modules/plans/plan.ts says.
CREATE FUNCTION policy.plan_limits(tier text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
  SELECT CASE tier
    WHEN 'STARTER' THEN '{"requestsPerMinute": 60, "requestsPerDay": 10000, "tokensPerMinute": 100000,
      "tokensPerDay": 5000000, "concurrency": 10}'::jsonb
    WHEN 'GROWTH' THEN '{"requestsPerMinute": 1000, "requestsPerDay": 500000, "tokensPerMinute": 2000000,
      "tokensPerDay": 500000000, "concurrency": 200}'::jsonb
    ELSE '{}'::jsonb
  END
$$;
REVOKE ALL ON FUNCTION policy.plan_limits(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.plan_limits(text) TO weir_identity;

-- As before, with the limits of the organization's plan below its own.
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
      'id', o.id, 'slug', o.slug, 'status', o.status, 'timeZone', o.time_zone,
      'limits', policy.plan_limits(o.plan_tier) || o.limits,
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
