-- AlterTable
ALTER TABLE "identity"."signing_keys" ADD COLUMN     "signs_from" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- By hand from here: keys sign as soon as they were made until now, and every process hears of new and retired ones.

UPDATE identity.signing_keys SET signs_from = created_at;

CREATE FUNCTION identity.signal_config() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  PERFORM pg_notify('config', '{"organizationId": null}');
  RETURN NULL;
END
$$;

CREATE TRIGGER signing_keys_changed AFTER INSERT OR UPDATE OR DELETE ON identity.signing_keys
  FOR EACH STATEMENT EXECUTE FUNCTION identity.signal_config();
