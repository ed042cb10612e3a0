-- AlterTable
ALTER TABLE "billing"."budgets" ADD COLUMN     "blocks_since" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "billing"."credit_accounts" ADD COLUMN     "enforced_since" TIMESTAMPTZ(3);

-- By hand from here.

-- A budget that does not block is held by nobody, so a counter from the time before knows nothing of what was spent
-- meanwhile. Whoever makes it block, and whenever, proxies count it anew from the ledger. The same of enforced credit.
CREATE FUNCTION billing.note_blocking() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF NEW.enforcement = 'BLOCK' AND NEW.status = 'ACTIVE'
    AND (TG_OP = 'INSERT' OR OLD.enforcement <> 'BLOCK' OR OLD.status <> 'ACTIVE') THEN
    NEW.blocks_since := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$;
CREATE FUNCTION billing.note_enforcing() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF NEW.is_enforced AND (TG_OP = 'INSERT' OR NOT OLD.is_enforced) THEN
    NEW.enforced_since := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION billing.note_blocking(), billing.note_enforcing() FROM PUBLIC;

CREATE TRIGGER note_blocking BEFORE INSERT OR UPDATE ON billing.budgets
  FOR EACH ROW EXECUTE FUNCTION billing.note_blocking();
CREATE TRIGGER note_enforcing BEFORE INSERT OR UPDATE ON billing.credit_accounts
  FOR EACH ROW EXECUTE FUNCTION billing.note_enforcing();

-- As before; and it is told since when they block.
CREATE OR REPLACE FUNCTION policy.budgets_of(organization uuid, nodes uuid[]) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'id', b.id, 'name', b.name, 'nodeKind', b.node_kind, 'nodeId', b.node_id, 'metric', b.metric,
      'limit', b.limit_amount::text, 'period', b.period, 'models', b.models, 'enforcement', b.enforcement,
      'graceMinutes', b.grace_minutes, 'blocksSinceMs', floor(date_part('epoch', b.blocks_since) * 1000)::bigint
    ) ORDER BY b.id), '[]')
    FROM billing.budgets b
    WHERE b.organization_id = organization AND b.status = 'ACTIVE'
      AND b.node_id IN (SELECT member FROM unnest(nodes) AS n (id), unnest(policy.spend_nodes(n.id)) AS member)
  );
END
$$;

-- As before; and it is told since when it is enforced.
CREATE OR REPLACE FUNCTION policy.credits_of(organization uuid, nodes uuid[]) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object('accountId', c.account_id, 'granted', (
      SELECT coalesce(sum(l.amount), 0)::text FROM billing.credit_lots l
      WHERE l.organization_id = organization AND l.account_id = c.account_id
    ), 'enforcedSinceMs', floor(date_part('epoch', c.enforced_since) * 1000)::bigint) ORDER BY c.account_id), '[]')
    FROM billing.credit_accounts c
    WHERE c.organization_id = organization AND c.account_id = ANY (nodes) AND c.is_enforced
  );
END
$$;
