-- AlterTable
ALTER TABLE "identity"."provider_keys" ADD COLUMN     "secret_hint" TEXT;

-- CreateTable
CREATE TABLE "identity"."provider_key_tests" (
    "provider_key_id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "tested_at" TIMESTAMPTZ(3) NOT NULL,
    "ok" BOOLEAN NOT NULL,
    "status" INTEGER,
    "latency_ms" INTEGER NOT NULL,
    "message" TEXT NOT NULL,

    CONSTRAINT "provider_key_tests_pkey" PRIMARY KEY ("provider_key_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "provider_key_tests_organization_id_provider_key_id_key" ON "identity"."provider_key_tests"("organization_id", "provider_key_id");

-- AddForeignKey
ALTER TABLE "identity"."provider_key_tests" ADD CONSTRAINT "provider_key_tests_organization_id_provider_key_id_fkey" FOREIGN KEY ("organization_id", "provider_key_id") REFERENCES "identity"."provider_keys"("organization_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- By hand from here.

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.provider_key_tests TO weir_identity;
-- A new secret is a new beginning: what was reported of the one before goes.
GRANT DELETE ON identity.provider_key_states TO weir_identity;
ALTER TABLE identity.provider_key_tests ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.provider_key_tests TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

-- What endpoints demand of models is a closed set (packages/contracts/src/model-capability.ts).
ALTER TABLE identity.models
  ADD CONSTRAINT models_capabilities_check CHECK (capabilities <@ ARRAY[
    'chat', 'completions', 'responses', 'messages', 'embeddings', 'images', 'audio', 'moderation', 'vision', 'tools'
  ]);

-- Prices are the root account's to set: a program of an account below it has no say in them, whatever its scopes.
CREATE FUNCTION policy.is_root_account(organization uuid, account uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (
    SELECT FROM identity.accounts a
    WHERE a.id = account AND a.organization_id = organization AND a.parent_id IS NULL
  )
$$;
REVOKE ALL ON FUNCTION policy.is_root_account(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.is_root_account(uuid, uuid) TO weir_billing;
