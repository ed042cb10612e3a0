-- DropIndex
DROP INDEX "identity"."memberships_organization_id_idx";

-- AlterTable
ALTER TABLE "identity"."memberships" ADD COLUMN     "custom_role_id" UUID,
ADD COLUMN     "email" TEXT,
ADD COLUMN     "suspended_at" TIMESTAMPTZ(3),
ADD COLUMN     "suspension_reason" TEXT,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1,
ALTER COLUMN "user_id" DROP NOT NULL;

-- CreateTable
CREATE TABLE "identity"."roles" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "permissions" TEXT[],
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "roles_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."invitations" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "message" TEXT,
    "status" TEXT NOT NULL DEFAULT 'PENDING',
    "token_hash" BYTEA NOT NULL,
    "invited_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "invitations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "roles_organization_id_id_key" ON "identity"."roles"("organization_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "roles_organization_id_name_key" ON "identity"."roles"("organization_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "invitations_token_hash_key" ON "identity"."invitations"("token_hash");

-- CreateIndex
CREATE INDEX "invitations_organization_id_created_at_idx" ON "identity"."invitations"("organization_id", "created_at");

-- CreateIndex
CREATE INDEX "memberships_organization_id_custom_role_id_idx" ON "identity"."memberships"("organization_id", "custom_role_id");

-- CreateIndex
CREATE UNIQUE INDEX "memberships_organization_id_email_key" ON "identity"."memberships"("organization_id", "email");

-- AddForeignKey
ALTER TABLE "identity"."memberships" ADD CONSTRAINT "memberships_organization_id_custom_role_id_fkey" FOREIGN KEY ("organization_id", "custom_role_id") REFERENCES "identity"."roles"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "identity"."roles" ADD CONSTRAINT "roles_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."invitations" ADD CONSTRAINT "invitations_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- By hand from here.

ALTER TABLE identity.memberships
  DROP CONSTRAINT memberships_role_check,
  ADD CONSTRAINT memberships_role_check
    CHECK (role IN ('OWNER', 'ADMIN', 'MANAGER', 'ANALYST', 'DEVELOPER', 'FINANCE', 'CUSTOM')
      AND (role = 'CUSTOM') = (custom_role_id IS NOT NULL)),
  -- Either somebody's, or kept for an address.
  ADD CONSTRAINT memberships_person_check
    CHECK ((status = 'INVITED') = (user_id IS NULL) AND (user_id IS NULL) = (email IS NOT NULL)),
  ADD CONSTRAINT memberships_email_check CHECK (email = lower(email)),
  ADD CONSTRAINT memberships_suspension_check
    CHECK ((status = 'SUSPENDED') = (suspended_at IS NOT NULL) AND (suspended_at IS NULL) = (suspension_reason IS NULL));

ALTER TABLE identity.roles
  ADD CONSTRAINT roles_name_check CHECK (name <> ''),
  -- Deleting an organization is its Owner's alone.
  ADD CONSTRAINT roles_permissions_check CHECK (cardinality(permissions) > 0 AND NOT 'org.delete' = ANY (permissions));

ALTER TABLE identity.invitations
  ADD CONSTRAINT invitations_status_check
    CHECK (status IN ('PENDING', 'ACCEPTED', 'REVOKED') AND (status = 'PENDING') = (settled_at IS NULL)),
  ADD CONSTRAINT invitations_token_hash_check CHECK (octet_length(token_hash) = 32),
  ADD CONSTRAINT invitations_email_check CHECK (email = lower(email));

-- The keys of a suspended member wait; only a revoked key is dead.
ALTER TABLE identity.api_keys
  DROP CONSTRAINT api_keys_status_check,
  ADD CONSTRAINT api_keys_status_check
    CHECK (status IN ('ACTIVE', 'SUSPENDED', 'REVOKED') AND (status = 'REVOKED') = (revoked_at IS NOT NULL));

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.roles, identity.invitations TO weir_identity;
ALTER TABLE identity.roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.invitations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.roles TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
-- A person's standing is read before an organization is chosen.
CREATE POLICY own ON identity.roles FOR SELECT TO weir_identity
  USING (id IN (
    SELECT custom_role_id FROM identity.memberships
    WHERE user_id = nullif(current_setting('app.user_id', true), '')::uuid
  ));
CREATE POLICY tenant ON identity.invitations TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY presented ON identity.invitations FOR SELECT TO weir_identity
  USING (encode(token_hash, 'hex') = nullif(current_setting('app.credential', true), ''));

-- Whoever is invited has no connection to reach; a change of custom role counts as a change of role.
DROP TRIGGER membership_changed ON identity.memberships;
CREATE TRIGGER membership_changed AFTER UPDATE OF role, custom_role_id, status ON identity.memberships
  FOR EACH ROW
  WHEN (OLD.user_id IS NOT NULL AND (OLD.role IS DISTINCT FROM NEW.role OR OLD.status IS DISTINCT FROM NEW.status
    OR OLD.custom_role_id IS DISTINCT FROM NEW.custom_role_id))
  EXECUTE FUNCTION identity.signal_session();
DROP TRIGGER membership_deleted ON identity.memberships;
CREATE TRIGGER membership_deleted AFTER DELETE ON identity.memberships
  FOR EACH ROW WHEN (OLD.user_id IS NOT NULL) EXECUTE FUNCTION identity.signal_session();

-- What a custom role permits changes for everybody who has it.
CREATE FUNCTION identity.signal_role() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  PERFORM pg_notify('session', json_build_object('sessionId', NULL, 'userId', m.user_id)::text)
  FROM identity.memberships m
  WHERE m.organization_id = NEW.organization_id AND m.custom_role_id = NEW.id AND m.user_id IS NOT NULL;
  RETURN NULL;
END
$$;
CREATE TRIGGER role_changed AFTER UPDATE OF permissions ON identity.roles
  FOR EACH ROW WHEN (OLD.permissions IS DISTINCT FROM NEW.permissions) EXECUTE FUNCTION identity.signal_role();
