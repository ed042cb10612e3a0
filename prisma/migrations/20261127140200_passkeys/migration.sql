-- CreateTable
CREATE TABLE "identity"."passkeys" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "credential_id" BYTEA NOT NULL,
    "public_key" BYTEA NOT NULL,
    "counter" BIGINT NOT NULL DEFAULT 0,
    "transports" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "is_backed_up" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "passkeys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."spent_tokens" (
    "token_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "spent_tokens_pkey" PRIMARY KEY ("token_hash")
);

-- CreateIndex
CREATE UNIQUE INDEX "passkeys_credential_id_key" ON "identity"."passkeys"("credential_id");

-- CreateIndex
CREATE INDEX "passkeys_user_id_idx" ON "identity"."passkeys"("user_id");

-- CreateIndex
CREATE INDEX "spent_tokens_expires_at_idx" ON "identity"."spent_tokens"("expires_at");

-- AddForeignKey
ALTER TABLE "identity"."passkeys" ADD CONSTRAINT "passkeys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand from here: passkeys are their person's, and whoever presents a credential finds its one row.

ALTER TABLE identity.passkeys
  ADD CONSTRAINT passkeys_counter_check CHECK (counter >= 0),
  ADD CONSTRAINT passkeys_credential_id_check CHECK (octet_length(credential_id) BETWEEN 1 AND 1023);
ALTER TABLE identity.spent_tokens
  ADD CONSTRAINT spent_tokens_token_hash_check CHECK (octet_length(token_hash) = 32);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.passkeys TO weir_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.spent_tokens TO weir_identity;
ALTER TABLE identity.passkeys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON identity.passkeys TO weir_identity
  USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY presented ON identity.passkeys FOR SELECT TO weir_identity
  USING (encode(credential_id, 'hex') = nullif(current_setting('app.credential', true), ''));
