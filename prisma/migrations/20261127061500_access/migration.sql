-- AlterTable
ALTER TABLE "identity"."api_keys" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- CreateTable
CREATE TABLE "analytics"."api_key_uses" (
    "api_key_id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "api_key_uses_pkey" PRIMARY KEY ("api_key_id")
);

-- CreateIndex
CREATE INDEX "api_keys_expires_at_idx" ON "identity"."api_keys"("expires_at");

-- CreateIndex
CREATE INDEX "api_keys_replaces_id_idx" ON "identity"."api_keys"("replaces_id");

-- By hand from here: who may see it, and the notice of keys that are about to expire.

GRANT SELECT ON analytics.api_key_uses TO weir_analytics;
GRANT SELECT, INSERT, UPDATE ON analytics.api_key_uses TO weir_analytics_projector;
ALTER TABLE analytics.api_key_uses ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON analytics.api_key_uses TO weir_analytics
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY projection ON analytics.api_key_uses TO weir_analytics_projector USING (true);

-- Keys were used before this table was there.
INSERT INTO analytics.api_key_uses (api_key_id, organization_id, last_used_at)
SELECT e.api_key_id, e.organization_id, max(e.admitted_at)
FROM analytics.usage_events e GROUP BY e.api_key_id, e.organization_id;

-- Marks, of every organization, active keys that expire before `horizon` and of which nobody was told, and tells:
-- at most `at_most` of them, the soonest first. Of processes that call it at once one works; the others answer 0, so that
-- each key is told once. Returns how many it told.
CREATE FUNCTION identity.tell_expiring_keys(as_of timestamptz, horizon timestamptz, at_most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  told record;
  count int := 0;
BEGIN
  -- Any number that nobody else uses for an advisory lock: "wrxk" in ASCII.
  IF NOT pg_try_advisory_xact_lock(2003990635) THEN
    RETURN 0;
  END IF;
  FOR told IN
    UPDATE identity.api_keys k SET expiry_notified_at = as_of
    WHERE k.id IN (
      SELECT c.id FROM identity.api_keys c
      WHERE c.expires_at > as_of AND c.expires_at <= horizon AND c.status = 'ACTIVE' AND c.expiry_notified_at IS NULL
      ORDER BY c.expires_at LIMIT at_most
      FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING k.organization_id, k.id
  LOOP
    PERFORM pg_notify('expiry', json_build_object('organizationId', told.organization_id, 'apiKeyId', told.id)::text);
    count := count + 1;
  END LOOP;
  RETURN count;
END
$$;

REVOKE ALL ON FUNCTION identity.tell_expiring_keys(timestamptz, timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.tell_expiring_keys(timestamptz, timestamptz, int) TO weir_identity;
