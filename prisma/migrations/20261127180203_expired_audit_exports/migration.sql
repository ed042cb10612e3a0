-- Expired links were to be seen by every tenant, so that whoever made one could remove them. Only this removes them now.
DROP POLICY expired ON audit.exports;
DROP POLICY expired_seen ON audit.exports;

CREATE FUNCTION audit.remove_expired_exports() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  removed integer;
BEGIN
  DELETE FROM audit.exports e WHERE e.expires_at < now();
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

REVOKE ALL ON FUNCTION audit.remove_expired_exports() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.remove_expired_exports() TO weir_identity;
