-- CreateTable
CREATE TABLE "identity"."address_proofs" (
    "id" UUID NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "email" TEXT NOT NULL,
    "display_name" TEXT NOT NULL,
    "organization_name" TEXT NOT NULL,
    "password_hash" TEXT,
    "slug" TEXT,
    "time_zone" TEXT,
    "user_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "address_proofs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."request_rates" (
    "subject" BYTEA NOT NULL,
    "requests" INTEGER NOT NULL,
    "window_started_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "request_rates_pkey" PRIMARY KEY ("subject")
);

-- CreateIndex
CREATE UNIQUE INDEX "address_proofs_token_hash_key" ON "identity"."address_proofs"("token_hash");

-- CreateIndex
CREATE INDEX "address_proofs_email_idx" ON "identity"."address_proofs"("email");

-- CreateIndex
CREATE INDEX "address_proofs_expires_at_idx" ON "identity"."address_proofs"("expires_at");

-- CreateIndex
CREATE INDEX "request_rates_window_started_at_idx" ON "identity"."request_rates"("window_started_at");

-- By hand from here.

ALTER TABLE identity.address_proofs
  ADD CONSTRAINT address_proofs_token_hash_check CHECK (octet_length(token_hash) = 32),
  ADD CONSTRAINT address_proofs_email_check CHECK (email = lower(email)),
  ADD CONSTRAINT address_proofs_kind_check CHECK (
    (user_id IS NULL) = (slug IS NOT NULL) AND (slug IS NULL) = (time_zone IS NULL)
    AND (slug IS NULL) = (password_hash IS NULL)
  );
ALTER TABLE identity.request_rates
  ADD CONSTRAINT request_rates_subject_check CHECK (octet_length(subject) = 32);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.address_proofs, identity.request_rates TO weir_identity;

-- Whoever presents the token, or the address for another mail to it, finds its rows.
ALTER TABLE identity.address_proofs ENABLE ROW LEVEL SECURITY;
CREATE POLICY presented ON identity.address_proofs TO weir_identity
  USING (
    encode(token_hash, 'hex') = nullif(current_setting('app.credential', true), '')
    OR email = nullif(current_setting('app.credential', true), '')
  );

-- Whether any organization, also one of others, has the slug. Until the transaction ends nobody else can take it who asks, too.
CREATE FUNCTION identity.slug_taken(wanted text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('identity.slug:' || wanted, 0));
  RETURN EXISTS (SELECT FROM identity.organizations o WHERE o.slug = wanted);
END
$$;

CREATE FUNCTION identity.purge_address_proofs(expired_before timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  removed int;
BEGIN
  DELETE FROM identity.address_proofs p WHERE p.expires_at < expired_before;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

REVOKE ALL ON FUNCTION identity.slug_taken(text), identity.purge_address_proofs(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.slug_taken(text), identity.purge_address_proofs(timestamptz) TO weir_identity;
