-- AlterTable
ALTER TABLE "identity"."sessions" ADD COLUMN     "impersonation_id" UUID;

-- CreateTable
CREATE TABLE "identity"."support_consents" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "granted_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "support_consents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."impersonations" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "consent_id" UUID NOT NULL,
    "support_user_id" UUID NOT NULL,
    "support_name" TEXT NOT NULL,
    "support_email" TEXT NOT NULL,
    "session_id" UUID NOT NULL,
    "reason" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "impersonations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "support_consents_token_hash_key" ON "identity"."support_consents"("token_hash");

-- CreateIndex
CREATE INDEX "support_consents_organization_id_idx" ON "identity"."support_consents"("organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "impersonations_consent_id_key" ON "identity"."impersonations"("consent_id");

-- CreateIndex
CREATE INDEX "impersonations_organization_id_created_at_id_idx" ON "identity"."impersonations"("organization_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "impersonations_support_user_id_idx" ON "identity"."impersonations"("support_user_id");

-- AddForeignKey
ALTER TABLE "identity"."support_consents" ADD CONSTRAINT "support_consents_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."impersonations" ADD CONSTRAINT "impersonations_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- By hand from here.

ALTER TABLE identity.support_consents
  ADD CONSTRAINT support_consents_token_hash_check CHECK (octet_length(token_hash) = 32);
ALTER TABLE identity.impersonations
  ADD CONSTRAINT impersonations_reason_check CHECK (length(reason) BETWEEN 10 AND 500);
GRANT SELECT, INSERT, UPDATE ON identity.support_consents, identity.impersonations TO weir_identity;

ALTER TABLE identity.support_consents ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.support_consents TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
ALTER TABLE identity.impersonations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.impersonations TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
-- Whoever looks into organizations sees their own, wherever it is.
CREATE POLICY own ON identity.impersonations FOR SELECT TO weir_identity
  USING (support_user_id = nullif(current_setting('app.user_id', true), '')::uuid);
