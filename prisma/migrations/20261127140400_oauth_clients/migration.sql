-- CreateTable
CREATE TABLE "identity"."oauth_clients" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "secret_version" INTEGER NOT NULL DEFAULT 1,
    "scopes" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "oauth_clients_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "oauth_clients_organization_id_idx" ON "identity"."oauth_clients"("organization_id");

-- AddForeignKey
ALTER TABLE "identity"."oauth_clients" ADD CONSTRAINT "oauth_clients_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- By hand from here: an organization's own, and the one whose id a program presents.

ALTER TABLE identity.oauth_clients
  ADD CONSTRAINT oauth_clients_secret_hash_check CHECK (octet_length(secret_hash) = 32);

GRANT SELECT, INSERT, UPDATE ON identity.oauth_clients TO weir_identity;
ALTER TABLE identity.oauth_clients ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.oauth_clients TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY presented ON identity.oauth_clients FOR SELECT TO weir_identity
  USING (id::text = nullif(current_setting('app.credential', true), ''));

-- Clients change organizations, too.
ALTER TABLE identity.organization_changes DROP CONSTRAINT organization_changes_actor_check;
ALTER TABLE identity.organization_changes
  ADD CONSTRAINT organization_changes_actor_check CHECK (actor_kind IN ('USER', 'API_KEY', 'CLIENT', 'PLATFORM'));
