-- AlterTable
ALTER TABLE "identity"."accounts" ADD COLUMN     "deleted_at" TIMESTAMPTZ(3),
ADD COLUMN     "description" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "name_key" TEXT COLLATE "C" NOT NULL DEFAULT '';

-- DropIndex
DROP INDEX "identity"."accounts_organization_id_dna_idx";

-- DropIndex
DROP INDEX "identity"."accounts_organization_id_parent_id_idx";

-- By hand from here.

-- A deleted account stays as a leaf where it was, so that what was spent and decided under its id can still be read.
ALTER TABLE identity.accounts
  DROP CONSTRAINT accounts_status_check,
  ADD CONSTRAINT accounts_status_check CHECK (
    status IN ('ACTIVE', 'SUSPENDED', 'DELETED') AND (status = 'DELETED') = (deleted_at IS NOT NULL)
    AND (status <> 'DELETED' OR parent_id IS NOT NULL)
  ),
  ADD CONSTRAINT accounts_description_check CHECK (length(description) <= 500);

-- What accounts are found and sorted by when they are named: an expression could not be searched by index below
-- row-level security, as lower() is not marked leakproof; a column can.
CREATE FUNCTION identity.set_account_name_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  NEW.name_key := lower(NEW.name);
  RETURN NEW;
END
$$;
CREATE TRIGGER account_name_key BEFORE INSERT OR UPDATE OF name ON identity.accounts
  FOR EACH ROW EXECUTE FUNCTION identity.set_account_name_key();

-- Fills the keys of the accounts that are there, without telling every proxy of a change that concerns none.
ALTER TABLE identity.accounts DISABLE TRIGGER policy_updated;
UPDATE identity.accounts SET name_key = lower(name);
ALTER TABLE identity.accounts ENABLE TRIGGER policy_updated;

-- The status goes along, so that what is below a node can be counted from the index alone.
CREATE INDEX "accounts_organization_id_dna_status_idx" ON "identity"."accounts"("organization_id", "dna", "status");

-- CreateIndex
CREATE INDEX "accounts_organization_id_created_at_id_idx" ON "identity"."accounts"("organization_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "accounts_organization_id_name_key_id_idx" ON "identity"."accounts"("organization_id", "name_key", "id");

-- CreateIndex
CREATE INDEX "accounts_organization_id_parent_id_created_at_id_idx" ON "identity"."accounts"("organization_id", "parent_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "accounts_organization_id_kind_created_at_idx" ON "identity"."accounts"("organization_id", "kind", "created_at");

-- CreateIndex
CREATE INDEX "accounts_organization_id_status_idx" ON "identity"."accounts"("organization_id", "status");

-- CreateIndex
CREATE INDEX "accounts_organization_id_level_idx" ON "identity"."accounts"("organization_id", "level");

-- CreateIndex
CREATE INDEX "accounts_organization_id_gear_idx" ON "identity"."accounts"("organization_id", "gear");

-- CreateIndex
CREATE INDEX "accounts_organization_id_tier_idx" ON "identity"."accounts"("organization_id", "tier");

-- A statement over very many rows has changed something: comparing all of them would cost more than one signal too many.
CREATE OR REPLACE FUNCTION policy.touch_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  many constant int := 1000;
  rows_of text;
  organization uuid;
BEGIN
  rows_of := CASE TG_OP
    WHEN 'INSERT' THEN 'TABLE new_rows'
    WHEN 'DELETE' THEN 'TABLE old_rows'
    ELSE '(TABLE old_rows EXCEPT TABLE new_rows) UNION ALL (TABLE new_rows EXCEPT TABLE old_rows)'
  END;
  -- Two steps, because other operations have no new_rows to look at.
  IF TG_OP = 'UPDATE' THEN
    IF EXISTS (SELECT FROM new_rows OFFSET many) THEN
      rows_of := 'TABLE new_rows';
    END IF;
  END IF;
  -- In one order, so that two statements over the same organizations cannot lock each other out.
  FOR organization IN EXECUTE format('SELECT DISTINCT %I FROM (%s) AS changed ORDER BY 1', TG_ARGV[0], rows_of) LOOP
    PERFORM policy.touch(organization);
  END LOOP;
  RETURN NULL;
END
$$;

-- A deleted account takes no budget and no credit.
CREATE OR REPLACE FUNCTION policy.node_exists(organization uuid, node_kind text, node_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT CASE node_kind
    WHEN 'ORGANIZATION' THEN
      node_id = organization AND EXISTS (SELECT FROM identity.organizations o WHERE o.id = organization)
    WHEN 'ACCOUNT' THEN
      EXISTS (
        SELECT FROM identity.accounts a
        WHERE a.id = node_id AND a.organization_id = organization AND a.status <> 'DELETED'
      )
    WHEN 'API_KEY' THEN
      EXISTS (SELECT FROM identity.api_keys k WHERE k.id = node_id AND k.organization_id = organization)
    ELSE false
  END
$$;

-- What bounds the spending of whatever is below these accounts: their blocking budgets, and credit that is enforced.
CREATE FUNCTION policy.spending_bounds(organization uuid, accounts uuid[])
RETURNS TABLE (account_id uuid, kind text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT b.node_id, 'BUDGET', b.name FROM billing.budgets b
  WHERE b.organization_id = organization AND b.node_kind = 'ACCOUNT' AND b.node_id = ANY (accounts)
    AND b.status = 'ACTIVE' AND b.enforcement = 'BLOCK'
  UNION ALL
  SELECT c.account_id, 'CREDIT', '' FROM billing.credit_accounts c
  WHERE c.organization_id = organization AND c.account_id = ANY (accounts) AND c.is_enforced
$$;
REVOKE ALL ON FUNCTION policy.spending_bounds(uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.spending_bounds(uuid, uuid[]) TO weir_identity;
