-- AlterTable
ALTER TABLE "identity"."accounts" ADD COLUMN     "custom_role_id" UUID,
ADD COLUMN     "role" TEXT;

-- CreateIndex
CREATE INDEX "accounts_organization_id_custom_role_id_idx" ON "identity"."accounts"("organization_id", "custom_role_id");

-- AddForeignKey
ALTER TABLE "identity"."accounts" ADD CONSTRAINT "accounts_organization_id_custom_role_id_fkey" FOREIGN KEY ("organization_id", "custom_role_id") REFERENCES "identity"."roles"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- By hand from here.

-- Service accounts that are there keep what their keys may do: an Admin's role withholds nothing that a key can have.
ALTER TABLE identity.accounts DISABLE TRIGGER policy_updated;
UPDATE identity.accounts SET role = 'ADMIN' WHERE kind = 'SERVICE_ACCOUNT';
ALTER TABLE identity.accounts ENABLE TRIGGER policy_updated;

-- The keys of a service account without a role may do nothing on the management API.
ALTER TABLE identity.accounts
  ADD CONSTRAINT accounts_role_check CHECK (
    (role IS NULL AND custom_role_id IS NULL)
    OR (kind = 'SERVICE_ACCOUNT'
      AND role IN ('OWNER', 'ADMIN', 'MANAGER', 'ANALYST', 'DEVELOPER', 'FINANCE', 'CUSTOM')
      AND (role = 'CUSTOM') = (custom_role_id IS NOT NULL))
  ),
  -- Machines are told apart by name. An exclusion rather than a partial index, which Prisma would want to drop.
  ADD CONSTRAINT accounts_service_name EXCLUDE USING btree (organization_id WITH =, name_key WITH =)
    WHERE (kind = 'SERVICE_ACCOUNT' AND status <> 'DELETED');

-- Where nodes of the organization lie as seen from an account: OWN for the account itself and its own keys, BELOW for
-- accounts below it and their keys. Everything else is left out: above it, beside it, or of another organization. Seen
-- from the root everything lies below, the organization included.
CREATE FUNCTION policy.places_below(organization uuid, top uuid, nodes uuid[])
RETURNS TABLE (node_id uuid, place text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  WITH seen_from AS (
    SELECT t.id, t.parent_id IS NULL AS is_root, t.dna || t.id || '.' AS below
    FROM identity.accounts t WHERE t.id = top AND t.organization_id = organization
  ),
  located AS (
    SELECT a.id AS node, a.id AS account, a.dna FROM identity.accounts a
    WHERE a.id = ANY (nodes) AND a.organization_id = organization
    UNION ALL
    SELECT k.id, a.id, a.dna FROM identity.api_keys k JOIN identity.accounts a ON a.id = k.account_id
    WHERE k.id = ANY (nodes) AND k.organization_id = organization
  )
  SELECT l.node, CASE WHEN l.account = s.id AND NOT s.is_root THEN 'OWN' ELSE 'BELOW' END
  FROM located l CROSS JOIN seen_from s
  WHERE s.is_root OR l.account = s.id OR starts_with(l.dna, s.below)
  UNION ALL
  SELECT organization, 'BELOW' FROM seen_from s WHERE s.is_root AND organization = ANY (nodes)
$$;

REVOKE ALL ON FUNCTION policy.places_below(uuid, uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.places_below(uuid, uuid, uuid[]) TO weir_billing, weir_analytics;
