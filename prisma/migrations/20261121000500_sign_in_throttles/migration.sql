-- Failures to sign in, per hash of an address. No tenant owns them: whoever fails is nobody yet.
CREATE TABLE identity.sign_in_throttles (
  email_hash BYTEA NOT NULL,
  failures INTEGER NOT NULL,
  window_started_at TIMESTAMPTZ(3) NOT NULL,
  locked_until TIMESTAMPTZ(3),
  CONSTRAINT sign_in_throttles_pkey PRIMARY KEY (email_hash),
  CONSTRAINT sign_in_throttles_email_hash_check CHECK (octet_length(email_hash) = 32),
  CONSTRAINT sign_in_throttles_failures_check CHECK (failures >= 0)
);
CREATE INDEX sign_in_throttles_window_started_at_idx ON identity.sign_in_throttles (window_started_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.sign_in_throttles TO weir_identity;

-- Models for everybody are written by the platform itself, which says so for one transaction; no tenant's request does.
CREATE POLICY platform ON identity.models TO weir_identity
  USING (organization_id IS NULL AND current_setting('app.platform', true) = 'on');
