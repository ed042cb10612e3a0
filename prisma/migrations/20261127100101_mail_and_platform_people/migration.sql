-- AlterTable
ALTER TABLE "identity"."users" ADD COLUMN     "platform_role" TEXT;

-- CreateTable
CREATE TABLE "identity"."mail_outbox" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'QUEUED',
    "ciphertext" TEXT,
    "nonce" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "mail_outbox_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "mail_outbox_status_next_attempt_at_idx" ON "identity"."mail_outbox"("status", "next_attempt_at");

-- By hand from here.

ALTER TABLE identity.users
  ADD CONSTRAINT users_platform_role_check CHECK (platform_role IN ('SYSTEM_ADMIN', 'SUPPORT'));

-- A mail that was given up keeps nothing of what it said.
ALTER TABLE identity.mail_outbox
  ADD CONSTRAINT mail_outbox_status_check CHECK (status IN ('QUEUED', 'FAILED')),
  ADD CONSTRAINT mail_outbox_attempts_check CHECK (attempts >= 0),
  ADD CONSTRAINT mail_outbox_sealed_check CHECK (
    (ciphertext IS NULL) = (nonce IS NULL) AND (status = 'QUEUED') = (ciphertext IS NOT NULL)
  );
-- No tenant's: it is for one address, and only the identity service opens it.
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.mail_outbox TO weir_identity;

-- Who gains or loses the platform's rights notices at once.
DROP TRIGGER user_changed ON identity.users;
CREATE TRIGGER user_changed AFTER UPDATE OF status, password_hash, platform_role ON identity.users
  FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.password_hash IS DISTINCT FROM NEW.password_hash
    OR OLD.platform_role IS DISTINCT FROM NEW.platform_role)
  EXECUTE FUNCTION identity.signal_session();
