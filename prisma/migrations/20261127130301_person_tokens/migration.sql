-- CreateTable
CREATE TABLE "identity"."person_tokens" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "new_email" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "person_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "person_tokens_token_hash_key" ON "identity"."person_tokens"("token_hash");

-- CreateIndex
CREATE INDEX "person_tokens_user_id_idx" ON "identity"."person_tokens"("user_id");

-- CreateIndex
CREATE INDEX "person_tokens_expires_at_idx" ON "identity"."person_tokens"("expires_at");

-- AddForeignKey
ALTER TABLE "identity"."person_tokens" ADD CONSTRAINT "person_tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand from here.

ALTER TABLE identity.person_tokens
  ADD CONSTRAINT person_tokens_token_hash_check CHECK (octet_length(token_hash) = 32),
  ADD CONSTRAINT person_tokens_kind_check CHECK (kind IN ('PASSWORD_RESET', 'EMAIL_CHANGE')),
  ADD CONSTRAINT person_tokens_new_email_check CHECK (
    (kind = 'EMAIL_CHANGE') = (new_email IS NOT NULL) AND new_email = lower(new_email)
  );
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.person_tokens TO weir_identity;

-- A person's own, and for whoever presents a token its one row.
ALTER TABLE identity.person_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON identity.person_tokens TO weir_identity
  USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY presented ON identity.person_tokens FOR SELECT TO weir_identity
  USING (encode(token_hash, 'hex') = nullif(current_setting('app.credential', true), ''));

CREATE FUNCTION identity.purge_person_tokens(expired_before timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  removed int;
BEGIN
  DELETE FROM identity.person_tokens t WHERE t.expires_at < expired_before;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

REVOKE ALL ON FUNCTION identity.purge_person_tokens(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.purge_person_tokens(timestamptz) TO weir_identity;
