-- Takes a member's second factors away and ends their sessions, for an administrator of the transaction's organization.
-- Factors count wherever their person signs in, so `is_reset` is false, and nothing changed, for whoever is not only a
-- member of this organization: members of another one, people of the platform. The lock keeps the person from joining
-- another organization meanwhile.
CREATE FUNCTION identity.reset_second_factors(
  person uuid, at timestamptz, OUT is_reset boolean, OUT factors integer, OUT sessions integer
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  own uuid := nullif(current_setting('app.organization_id', true), '')::uuid;
  part integer;
BEGIN
  is_reset := false;
  factors := 0;
  sessions := 0;
  PERFORM FROM identity.users u WHERE u.id = person AND u.platform_role IS NULL FOR UPDATE;
  IF NOT FOUND
    OR NOT EXISTS (SELECT FROM identity.memberships m WHERE m.user_id = person AND m.organization_id = own)
    OR EXISTS (SELECT FROM identity.memberships m WHERE m.user_id = person AND m.organization_id <> own)
  THEN
    RETURN;
  END IF;
  is_reset := true;
  DELETE FROM identity.totp_factors f WHERE f.user_id = person;
  GET DIAGNOSTICS factors = ROW_COUNT;
  DELETE FROM identity.passkeys p WHERE p.user_id = person;
  GET DIAGNOSTICS part = ROW_COUNT;
  factors := factors + part;
  DELETE FROM identity.recovery_codes c WHERE c.user_id = person;
  UPDATE identity.sessions s SET revoked_at = at WHERE s.user_id = person AND s.revoked_at IS NULL;
  GET DIAGNOSTICS sessions = ROW_COUNT;
END
$$;
REVOKE ALL ON FUNCTION identity.reset_second_factors(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.reset_second_factors(uuid, timestamptz) TO weir_identity;
