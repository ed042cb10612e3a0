-- CreateTable
CREATE TABLE "billing"."credit_accounts" (
    "account_id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "is_enforced" BOOLEAN NOT NULL DEFAULT false,
    "started_on" DATE NOT NULL,
    "spent_before" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "credit_accounts_pkey" PRIMARY KEY ("account_id")
);

-- CreateTable
CREATE TABLE "billing"."credit_lots" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "amount" BIGINT NOT NULL,
    "granted_at" TIMESTAMPTZ(3) NOT NULL,
    "granted_on" DATE NOT NULL,
    "expires_on" DATE NOT NULL,
    "reference" TEXT NOT NULL,
    "granted_by" TEXT NOT NULL,

    CONSTRAINT "credit_lots_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "credit_accounts_organization_id_account_id_key" ON "billing"."credit_accounts"("organization_id", "account_id");

-- CreateIndex
CREATE INDEX "credit_lots_organization_id_account_id_idx" ON "billing"."credit_lots"("organization_id", "account_id");

-- AddForeignKey
ALTER TABLE "billing"."credit_lots" ADD CONSTRAINT "credit_lots_organization_id_account_id_fkey" FOREIGN KEY ("organization_id", "account_id") REFERENCES "billing"."credit_accounts"("organization_id", "account_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- By hand from here.

-- 2^53 - 1 bounds one lot here and the sum of an account's lots where they are granted: counters compute with doubles.
ALTER TABLE billing.credit_lots
  ADD CONSTRAINT credit_lots_amount_check CHECK (amount BETWEEN 1 AND 9007199254740991),
  ADD CONSTRAINT credit_lots_dates_check CHECK (expires_on > granted_on),
  ADD CONSTRAINT credit_lots_reference_check CHECK (reference <> '');

-- Lots are append-only: what was granted stays granted, and everything else follows from it and the ledger.
GRANT SELECT, INSERT, UPDATE ON billing.credit_accounts TO weir_billing;
GRANT SELECT, INSERT ON billing.credit_lots TO weir_billing;
ALTER TABLE billing.credit_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing.credit_lots ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON billing.credit_accounts TO weir_billing
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON billing.credit_lots TO weir_billing
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

-- A grant and a change of enforcement are in force on every proxy within milliseconds.
DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['billing.credit_accounts', 'billing.credit_lots'] LOOP
    EXECUTE format('CREATE TRIGGER policy_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION policy.touch_changed(%L)', tab, 'organization_id');
    EXECUTE format('CREATE TRIGGER policy_updated AFTER UPDATE ON %s
      REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION policy.touch_changed(%L)', tab, 'organization_id');
    EXECUTE format('CREATE TRIGGER policy_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
      FOR EACH STATEMENT EXECUTE FUNCTION policy.touch_changed(%L)', tab, 'organization_id');
    EXECUTE format('CREATE TRIGGER policy_truncated AFTER TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION policy.touch_all()', tab);
  END LOOP;
END
$$;

-- What was granted to each of these accounts whose credit is enforced. A part of the snapshot.
CREATE FUNCTION policy.credits_of(organization uuid, nodes uuid[]) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object('accountId', c.account_id, 'granted', (
      SELECT coalesce(sum(l.amount), 0)::text FROM billing.credit_lots l
      WHERE l.organization_id = organization AND l.account_id = c.account_id
    )) ORDER BY c.account_id), '[]')
    FROM billing.credit_accounts c
    WHERE c.organization_id = organization AND c.account_id = ANY (nodes) AND c.is_enforced
  );
END
$$;

-- How the credit of an account stands on a business date, lot by lot: what was used of it, and what lapsed unused. It
-- follows from the lots and the ledger alone, so asking again gives the same, and a late settlement corrects it.
--
-- Day by day: what the account and everything below it spent is taken from the lots that count that day (granted by
-- then, not expired), the earliest expiry first. What no lot covers is a debt, and is taken from the next lot. A lot
-- without an id is the debt that is left. Spend counts from the day on which the account's credit began, less what had
-- been spent by then.
CREATE FUNCTION ledger.credit_lots(organization uuid, account uuid, today date)
RETURNS TABLE (lot_id uuid, used bigint, lapsed bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  a billing.credit_accounts;
  lots billing.credit_lots[];
  taken numeric[];
  debt numeric := 0;
  part numeric;
  spend record;
BEGIN
  SELECT * INTO a FROM billing.credit_accounts c WHERE c.account_id = account AND c.organization_id = organization;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT coalesce(array_agg(l ORDER BY l.expires_on, l.granted_at, l.id), '{}') INTO lots
  FROM billing.credit_lots l WHERE l.organization_id = organization AND l.account_id = account;
  taken := array_fill(0::numeric, ARRAY[cardinality(lots)]);
  FOR spend IN
    SELECT e.day, sum(e.cost) AS cost FROM (
      SELECT s.business_date AS day, s.cost_nano AS cost FROM billing.node_spend s
      WHERE s.node_id = account AND s.organization_id = organization AND s.business_date >= a.started_on
      UNION ALL
      SELECT l.business_date, l.cost FROM ledger.unprojected(organization) l
      WHERE ledger.is_below(l, 'ACCOUNT', account) AND l.business_date >= a.started_on
      UNION ALL
      SELECT a.started_on, -a.spent_before
      UNION ALL
      SELECT l.granted_on, 0 FROM unnest(lots) AS l
    ) e GROUP BY e.day ORDER BY e.day
  LOOP
    debt := debt + spend.cost;
    FOR n IN 1 .. cardinality(lots) LOOP
      EXIT WHEN debt <= 0;
      CONTINUE WHEN lots[n].granted_on > spend.day OR lots[n].expires_on <= spend.day;
      part := least(debt, lots[n].amount - taken[n]);
      taken[n] := taken[n] + part;
      debt := debt - part;
    END LOOP;
  END LOOP;
  FOR n IN 1 .. cardinality(lots) LOOP
    lot_id := lots[n].id;
    used := taken[n];
    lapsed := CASE WHEN lots[n].expires_on <= today THEN lots[n].amount - taken[n] ELSE 0 END;
    RETURN NEXT;
  END LOOP;
  lot_id := NULL;
  used := debt;
  lapsed := 0;
  RETURN NEXT;
END
$$;

-- What a counter of an account's credit is seeded with on the business day that begins at an instant: spent or lapsed by
-- then, which is gone from what was granted either way; and the attempts that are open or were closed lately, as
-- ledger.position tells them for budgets. No row for an account without credit.
CREATE FUNCTION ledger.credit_position(account uuid, day_start timestamptz, closed_since timestamptz DEFAULT NULL)
RETURNS TABLE (committed bigint, open jsonb, closed uuid[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  a billing.credit_accounts;
  today date;
BEGIN
  SELECT * INTO a FROM billing.credit_accounts c WHERE c.account_id = account;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  today := (day_start AT TIME ZONE coalesce(policy.organization_zone(a.organization_id), 'UTC'))::date;
  SELECT sum(l.used + l.lapsed) INTO committed FROM ledger.credit_lots(a.organization_id, account, today) l;
  SELECT coalesce(jsonb_agg(ledger.intent_json(i)), '[]') INTO open FROM ledger.open_intents(a.organization_id) i
  WHERE ledger.is_below(i, 'ACCOUNT', account) AND i.business_date >= a.started_on;
  SELECT coalesce(array_agg(l.attempt_id), '{}') INTO closed FROM ledger.attempt_log l
  WHERE l.class = 'close' AND l.organization_id = a.organization_id
    AND l.logged_at >= closed_since AND l.day >= (closed_since AT TIME ZONE 'UTC')::date - 2
    AND ledger.is_below(l, 'ACCOUNT', account) AND l.business_date >= a.started_on;
  RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION policy.credits_of(uuid, uuid[]), ledger.credit_lots(uuid, uuid, date),
  ledger.credit_position(uuid, timestamptz, timestamptz) FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO weir_billing;
GRANT EXECUTE ON FUNCTION ledger.credit_lots(uuid, uuid, date) TO weir_billing;
GRANT EXECUTE ON FUNCTION ledger.credit_position(uuid, timestamptz, timestamptz) TO weir_proxy;
