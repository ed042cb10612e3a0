-- AlterTable
ALTER TABLE "identity"."users" ADD COLUMN     "break_glass_until" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "identity"."recovery_tokens" (
    "id" UUID NOT NULL,
    "keeper" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "recovery_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "recovery_tokens_token_hash_key" ON "identity"."recovery_tokens"("token_hash");

-- By hand from here.

-- No tenant: they are the platform's. A keeper has one token that works.
CREATE UNIQUE INDEX recovery_tokens_keeper_idx ON identity.recovery_tokens (keeper) WHERE used_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.recovery_tokens TO weir_identity;

-- Whoever got in by breaking the glass is out again when the time is over, whichever way they sign in: no session of
-- theirs lasts longer. Choosing a password of their own ends that.
CREATE FUNCTION identity.bound_break_glass_session() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  NEW.expires_at := least(NEW.expires_at, (SELECT u.break_glass_until FROM identity.users u WHERE u.id = NEW.user_id));
  RETURN NEW;
END
$$;
CREATE TRIGGER break_glass_bound BEFORE INSERT OR UPDATE OF expires_at ON identity.sessions
  FOR EACH ROW EXECUTE FUNCTION identity.bound_break_glass_session();

CREATE FUNCTION identity.end_break_glass() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF NEW.break_glass_until IS NOT DISTINCT FROM OLD.break_glass_until THEN
    NEW.break_glass_until := NULL;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER break_glass_ends BEFORE UPDATE OF password_hash ON identity.users
  FOR EACH ROW WHEN (OLD.password_hash IS DISTINCT FROM NEW.password_hash)
  EXECUTE FUNCTION identity.end_break_glass();

-- Everything that somebody could prove with that they are this person, in every organization at once.
CREATE FUNCTION identity.invalidate_credentials(
  person uuid, at timestamptz, OUT sessions integer, OUT factors integer, OUT api_keys integer
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  part integer;
BEGIN
  UPDATE identity.sessions s SET revoked_at = at WHERE s.user_id = person AND s.revoked_at IS NULL;
  GET DIAGNOSTICS sessions = ROW_COUNT;
  DELETE FROM identity.totp_factors f WHERE f.user_id = person;
  GET DIAGNOSTICS factors = ROW_COUNT;
  DELETE FROM identity.passkeys p WHERE p.user_id = person;
  GET DIAGNOSTICS part = ROW_COUNT;
  factors := factors + part;
  DELETE FROM identity.oidc_identities i WHERE i.user_id = person;
  DELETE FROM identity.person_tokens t WHERE t.user_id = person;
  DELETE FROM identity.recovery_codes c WHERE c.user_id = person;
  UPDATE identity.api_keys k SET revoked_at = at, status = 'REVOKED', version = version + 1, updated_at = at
  WHERE k.created_by = person AND k.revoked_at IS NULL;
  GET DIAGNOSTICS api_keys = ROW_COUNT;
END
$$;

CREATE FUNCTION identity.system_admin_count() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT count(*)::integer FROM identity.users u WHERE u.platform_role = 'SYSTEM_ADMIN'
$$;

REVOKE ALL ON FUNCTION identity.invalidate_credentials(uuid, timestamptz), identity.system_admin_count() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.invalidate_credentials(uuid, timestamptz), identity.system_admin_count()
  TO weir_identity;
