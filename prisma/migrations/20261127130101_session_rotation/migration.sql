-- AlterTable
ALTER TABLE "identity"."sessions" ADD COLUMN     "last_used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "previous_token_hash" BYTEA,
ADD COLUMN     "rotated_at" TIMESTAMPTZ(3);

-- By hand from here: what ends or changes a session is heard; what only tidies up is not.

CREATE TRIGGER session_switched AFTER UPDATE OF organization_id ON identity.sessions
  FOR EACH ROW WHEN (OLD.organization_id IS DISTINCT FROM NEW.organization_id)
  EXECUTE FUNCTION identity.signal_session();

DROP TRIGGER session_deleted ON identity.sessions;
CREATE TRIGGER session_deleted AFTER DELETE ON identity.sessions
  FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND OLD.expires_at > CURRENT_TIMESTAMP)
  EXECUTE FUNCTION identity.signal_session();

CREATE INDEX "sessions_expires_at_idx" ON "identity"."sessions"("expires_at");

-- Removes sessions of every organization that were over before an instant: at most `at_most` of them. Returns how many.
CREATE FUNCTION identity.purge_sessions(over_before timestamptz, at_most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  removed int;
BEGIN
  WITH over AS (
    SELECT s.id FROM identity.sessions s
    WHERE s.expires_at < over_before
    LIMIT at_most FOR UPDATE SKIP LOCKED
  )
  DELETE FROM identity.sessions s USING over WHERE s.id = over.id;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

REVOKE ALL ON FUNCTION identity.purge_sessions(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.purge_sessions(timestamptz, int) TO weir_identity;
