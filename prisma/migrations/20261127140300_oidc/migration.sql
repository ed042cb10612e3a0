-- CreateTable
CREATE TABLE "identity"."oidc_providers" (
    "id" UUID NOT NULL,
    "organization_id" UUID,
    "name" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "ciphertext" TEXT NOT NULL,
    "nonce" TEXT NOT NULL,
    "secret_version" INTEGER NOT NULL DEFAULT 1,
    "email_domains" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "creates_people" BOOLEAN NOT NULL DEFAULT false,
    "default_role" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "oidc_providers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."oidc_identities" (
    "provider_id" UUID NOT NULL,
    "subject" TEXT NOT NULL,
    "user_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "oidc_identities_pkey" PRIMARY KEY ("provider_id","subject")
);

-- CreateIndex
CREATE INDEX "oidc_providers_organization_id_idx" ON "identity"."oidc_providers"("organization_id");

-- CreateIndex
CREATE INDEX "oidc_identities_user_id_idx" ON "identity"."oidc_identities"("user_id");

-- AddForeignKey
ALTER TABLE "identity"."oidc_providers" ADD CONSTRAINT "oidc_providers_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."oidc_identities" ADD CONSTRAINT "oidc_identities_provider_id_fkey" FOREIGN KEY ("provider_id") REFERENCES "identity"."oidc_providers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."oidc_identities" ADD CONSTRAINT "oidc_identities_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand from here.

-- Nobody becomes an Owner by having signed in elsewhere, whatever a service writes.
ALTER TABLE identity.oidc_providers
  ADD CONSTRAINT oidc_providers_default_role_check
    CHECK (default_role IN ('ADMIN', 'MANAGER', 'ANALYST', 'DEVELOPER', 'FINANCE')),
  ADD CONSTRAINT oidc_providers_domains_check
    CHECK (organization_id IS NULL OR cardinality(email_domains) > 0);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.oidc_providers, identity.oidc_identities TO weir_identity;
ALTER TABLE identity.oidc_providers ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.oidc_identities ENABLE ROW LEVEL SECURITY;

-- An organization's own, the platform's for everybody to see, and the one whose sign-in page somebody opened.
CREATE POLICY tenant ON identity.oidc_providers TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY global ON identity.oidc_providers FOR SELECT TO weir_identity USING (organization_id IS NULL);
CREATE POLICY platform ON identity.oidc_providers TO weir_identity
  USING (organization_id IS NULL AND current_setting('app.platform', true) = 'on');
CREATE POLICY presented ON identity.oidc_providers FOR SELECT TO weir_identity
  USING (id::text = nullif(current_setting('app.credential', true), ''));
CREATE POLICY own ON identity.oidc_identities TO weir_identity
  USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY presented ON identity.oidc_identities FOR SELECT TO weir_identity
  USING (provider_id::text || ' ' || subject = nullif(current_setting('app.credential', true), ''));
