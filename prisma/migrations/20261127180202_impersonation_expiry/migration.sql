-- AlterTable
ALTER TABLE "identity"."impersonations" ADD COLUMN     "expiry_recorded_at" TIMESTAMPTZ(3);

-- By hand from here.

CREATE INDEX impersonations_unrecorded_expiry_idx ON identity.impersonations (expires_at)
  WHERE ended_at IS NULL AND expiry_recorded_at IS NULL;

-- Takes one impersonation of any organization that ended by itself and whose end is in no audit trail, for the
-- transaction that records it. Of several processes each takes another one.
CREATE FUNCTION identity.take_expired_impersonation(at timestamptz)
RETURNS TABLE (id uuid, organization_id uuid, support_email text, expires_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
  UPDATE identity.impersonations i SET expiry_recorded_at = at
  WHERE i.id = (
    SELECT over.id FROM identity.impersonations over
    WHERE over.ended_at IS NULL AND over.expiry_recorded_at IS NULL AND over.expires_at <= at
    ORDER BY over.expires_at LIMIT 1 FOR UPDATE SKIP LOCKED
  )
  RETURNING i.id, i.organization_id, i.support_email, i.expires_at
$$;

REVOKE ALL ON FUNCTION identity.take_expired_impersonation(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.take_expired_impersonation(timestamptz) TO weir_identity;
