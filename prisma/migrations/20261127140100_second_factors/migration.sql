-- CreateTable
CREATE TABLE "identity"."totp_factors" (
    "user_id" UUID NOT NULL,
    "ciphertext" TEXT NOT NULL,
    "nonce" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "last_step" INTEGER NOT NULL DEFAULT 0,
    "confirmed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "totp_factors_pkey" PRIMARY KEY ("user_id")
);

-- CreateTable
CREATE TABLE "identity"."recovery_codes" (
    "user_id" UUID NOT NULL,
    "code_hash" BYTEA NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recovery_codes_pkey" PRIMARY KEY ("user_id","code_hash")
);

-- AddForeignKey
ALTER TABLE "identity"."totp_factors" ADD CONSTRAINT "totp_factors_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."recovery_codes" ADD CONSTRAINT "recovery_codes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand from here: a person's factors are a matter of that person, in whichever organization they act.

ALTER TABLE identity.totp_factors
  ADD CONSTRAINT totp_factors_last_step_check CHECK (last_step >= 0),
  ADD CONSTRAINT totp_factors_version_check CHECK (version > 0);
ALTER TABLE identity.recovery_codes
  ADD CONSTRAINT recovery_codes_code_hash_check CHECK (octet_length(code_hash) = 32);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.totp_factors, identity.recovery_codes TO weir_identity;
ALTER TABLE identity.totp_factors ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.recovery_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON identity.totp_factors TO weir_identity
  USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY own ON identity.recovery_codes TO weir_identity
  USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
