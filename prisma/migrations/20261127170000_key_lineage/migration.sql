-- AlterTable
ALTER TABLE "identity"."api_keys" ADD COLUMN     "lineage_id" UUID;

-- CreateIndex
CREATE INDEX "api_keys_lineage_id_idx" ON "identity"."api_keys"("lineage_id");

-- By hand from here.

WITH RECURSIVE lineage AS (
  SELECT k.id AS first_id, k.id FROM identity.api_keys k WHERE k.replaces_id IS NULL
  UNION
  SELECT l.first_id, k.id FROM lineage l JOIN identity.api_keys k ON k.replaces_id = l.id
)
UPDATE identity.api_keys k SET lineage_id = l.first_id FROM lineage l WHERE l.id = k.id AND l.first_id <> k.id;

-- The nodes whose spend a budget on this one counts: of an API key also the keys that it was rotated from and to, or a
-- rotation would be a way out of a budget; of every other node itself.
CREATE FUNCTION policy.spend_nodes(node uuid) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT coalesce(array_agg(m.id), ARRAY[node])
  FROM identity.api_keys k
  JOIN identity.api_keys m ON m.id = coalesce(k.lineage_id, k.id) OR m.lineage_id = coalesce(k.lineage_id, k.id)
  WHERE k.id = node
$$;

CREATE OR REPLACE FUNCTION policy.budgets_of(organization uuid, nodes uuid[]) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'id', b.id, 'name', b.name, 'nodeKind', b.node_kind, 'nodeId', b.node_id, 'metric', b.metric,
      'limit', b.limit_amount::text, 'period', b.period, 'models', b.models, 'enforcement', b.enforcement,
      'graceMinutes', b.grace_minutes
    ) ORDER BY b.id), '[]')
    FROM billing.budgets b
    WHERE b.organization_id = organization AND b.status = 'ACTIVE'
      AND b.node_id IN (SELECT member FROM unnest(nodes) AS n (id), unnest(policy.spend_nodes(n.id)) AS member)
  );
END
$$;

-- Whether an attempt counts for any of some nodes of one kind: its organization, any account of its path, or its key.
CREATE FUNCTION ledger.is_below(attempt ledger.attempt_log, node_kind text, nodes uuid[]) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE node_kind
    WHEN 'ORGANIZATION' THEN attempt.organization_id = ANY (nodes)
    WHEN 'ACCOUNT' THEN attempt.account_path && nodes
    ELSE attempt.api_key_id = ANY (nodes)
  END
$$;

CREATE OR REPLACE FUNCTION ledger.position(
  budget_id uuid, period_start timestamptz, period_end timestamptz, closed_since timestamptz DEFAULT NULL
) RETURNS TABLE (metric text, committed bigint, open jsonb, closed uuid[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  b billing.budgets;
  zone text;
  first_date date;
  end_date date;
  projected numeric;
  rest numeric;
  nodes uuid[];
BEGIN
  SELECT * INTO b FROM billing.budgets WHERE id = budget_id;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  zone := coalesce(policy.organization_zone(b.organization_id), 'UTC');
  first_date := (period_start AT TIME ZONE zone)::date;
  end_date := (period_end AT TIME ZONE zone)::date;
  metric := b.metric;
  nodes := policy.spend_nodes(b.node_id);

  SELECT coalesce(sum(CASE b.metric WHEN 'COST' THEN s.cost_nano WHEN 'TOKENS' THEN s.tokens ELSE s.requests END), 0)
  INTO projected FROM billing.node_spend s
  WHERE s.node_id = ANY (nodes) AND s.organization_id = b.organization_id
    AND s.business_date >= first_date AND s.business_date < end_date AND ledger.matches_model(b.models, s.model);

  SELECT coalesce(sum(CASE b.metric
    WHEN 'COST' THEN l.cost
    WHEN 'TOKENS' THEN
      l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens
    ELSE CASE l.class WHEN 'close' THEN 1 ELSE 0 END END), 0)
  INTO rest FROM ledger.unprojected(b.organization_id) l
  WHERE ledger.is_below(l, b.node_kind, nodes) AND l.business_date >= first_date AND l.business_date < end_date
    AND ledger.matches_model(b.models, l.model_effective);
  committed := projected + rest;

  SELECT coalesce(jsonb_agg(ledger.intent_json(i)), '[]') INTO open FROM ledger.open_intents(b.organization_id) i
  WHERE ledger.is_below(i, b.node_kind, nodes) AND i.business_date >= first_date AND i.business_date < end_date
    AND ledger.matches_model(b.models, i.model_effective);

  SELECT coalesce(array_agg(l.attempt_id), '{}') INTO closed FROM ledger.attempt_log l
  WHERE l.class <> 'intent' AND l.class = 'close' AND l.organization_id = b.organization_id
    AND l.logged_at >= closed_since AND l.day >= (closed_since AT TIME ZONE 'UTC')::date - 2
    AND ledger.is_below(l, b.node_kind, nodes) AND l.business_date >= first_date AND l.business_date < end_date
    AND ledger.matches_model(b.models, l.model_effective);
  RETURN NEXT;
END
$$;

CREATE OR REPLACE FUNCTION ledger.is_below(attempt ledger.attempt_log, node_kind text, node_id uuid) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT ledger.is_below(attempt, node_kind, ARRAY[node_id])
$$;

REVOKE ALL ON FUNCTION policy.spend_nodes(uuid), ledger.is_below(ledger.attempt_log, text, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.spend_nodes(uuid) TO weir_billing, weir_billing_projector;
