-- A service connects with the one login of DATABASE_URL and sets its role when the connection starts. Everything it
-- may do hangs on that role, also when the login is a superuser. Ownership stays with the migrating login.

-- Roles belong to the whole server, so another database on it may have created them, even at this very moment.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY[
    'weir_identity', 'weir_billing', 'weir_analytics', 'weir_proxy',
    'weir_billing_projector', 'weir_analytics_projector'
  ] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
      END;
    END IF;
    -- The login must be able to take the role. A superuser is; others are granted it, by themselves when they made it.
    BEGIN
      EXECUTE format('SET LOCAL ROLE %I', wanted);
      RESET ROLE;
    EXCEPTION WHEN insufficient_privilege THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
    END;
  END LOOP;
END
$$;

GRANT USAGE ON SCHEMA identity TO weir_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA identity TO weir_identity;

GRANT USAGE ON SCHEMA billing TO weir_billing, weir_billing_projector;
GRANT SELECT, INSERT, UPDATE, DELETE ON billing.prices, billing.budgets TO weir_billing;
GRANT SELECT ON billing.node_spend, billing.budget_alerts, billing.projection_cursor TO weir_billing;
GRANT SELECT ON billing.budgets TO weir_billing_projector;
GRANT SELECT, INSERT, UPDATE ON billing.node_spend, billing.projection_cursor TO weir_billing_projector;
GRANT SELECT, INSERT ON billing.budget_alerts TO weir_billing_projector;

GRANT USAGE ON SCHEMA analytics TO weir_analytics, weir_analytics_projector;
GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO weir_analytics;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA analytics TO weir_analytics_projector;

-- Row-level security: without `app.organization_id` a tenant table shows nothing. The settings are made per
-- transaction by withTenant. The owner is exempt, because functions that answer across tenants run as it.

ALTER TABLE identity.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.owner_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.provider_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity.models ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing.prices ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing.budgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing.node_spend ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing.budget_alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE analytics.usage_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE analytics.usage_hourly ENABLE ROW LEVEL SECURITY;
ALTER TABLE analytics.usage_daily ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON identity.accounts TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON identity.owner_keys TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON identity.provider_keys TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON billing.budgets TO weir_billing
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON billing.node_spend TO weir_billing
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON billing.budget_alerts TO weir_billing
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON analytics.usage_events TO weir_analytics
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON analytics.usage_hourly TO weir_analytics
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON analytics.usage_daily TO weir_analytics
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

-- Global models and prices (no organization) are everyone's to read and no tenant's to write.
CREATE POLICY tenant ON identity.models TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY global ON identity.models FOR SELECT TO weir_identity USING (organization_id IS NULL);
CREATE POLICY tenant ON billing.prices TO weir_billing
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY global ON billing.prices FOR SELECT TO weir_billing USING (organization_id IS NULL);

-- People cross organizations: `app.user_id` lets a person find what is their own before an organization is chosen,
-- and `app.credential` lets whoever presents an e-mail address, an API key or a refresh token find its one row.
CREATE POLICY tenant ON identity.memberships TO weir_identity
  USING (
    organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
    OR user_id = nullif(current_setting('app.user_id', true), '')::uuid
  )
  WITH CHECK (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY tenant ON identity.organizations TO weir_identity
  USING (id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own ON identity.organizations FOR SELECT TO weir_identity
  USING (id IN (
    SELECT organization_id FROM identity.memberships
    WHERE user_id = nullif(current_setting('app.user_id', true), '')::uuid
  ));
CREATE POLICY own ON identity.users TO weir_identity
  USING (id = nullif(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY colleagues ON identity.users FOR SELECT TO weir_identity
  USING (id IN (
    SELECT user_id FROM identity.memberships
    WHERE organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
  ));
CREATE POLICY presented ON identity.users FOR SELECT TO weir_identity
  USING (email = nullif(current_setting('app.credential', true), ''));
CREATE POLICY tenant ON identity.sessions TO weir_identity
  USING (
    organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
    OR user_id = nullif(current_setting('app.user_id', true), '')::uuid
  )
  WITH CHECK (user_id = nullif(current_setting('app.user_id', true), '')::uuid
    OR organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY presented ON identity.sessions FOR SELECT TO weir_identity
  USING (encode(refresh_token_hash, 'hex') = nullif(current_setting('app.credential', true), ''));
CREATE POLICY tenant ON identity.api_keys TO weir_identity
  USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY presented ON identity.api_keys FOR SELECT TO weir_identity
  USING (encode(key_hash, 'hex') = nullif(current_setting('app.credential', true), ''));

-- A projection folds every organization's attempts into its own tables.
CREATE POLICY projection ON billing.budgets FOR SELECT TO weir_billing_projector USING (true);
CREATE POLICY projection ON billing.node_spend TO weir_billing_projector USING (true);
CREATE POLICY projection ON billing.budget_alerts TO weir_billing_projector USING (true);
CREATE POLICY projection ON analytics.usage_events TO weir_analytics_projector USING (true);
CREATE POLICY projection ON analytics.usage_hourly TO weir_analytics_projector USING (true);
CREATE POLICY projection ON analytics.usage_daily TO weir_analytics_projector USING (true);

-- Signing out, suspension and a change of role reach every open connection at once.
CREATE FUNCTION identity.signal_session() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  IF TG_TABLE_NAME = 'sessions' THEN
    PERFORM pg_notify('session', json_build_object('sessionId', OLD.id, 'userId', OLD.user_id)::text);
  ELSIF TG_TABLE_NAME = 'users' THEN
    PERFORM pg_notify('session', json_build_object('sessionId', NULL, 'userId', OLD.id)::text);
  ELSE
    PERFORM pg_notify('session', json_build_object('sessionId', NULL, 'userId', OLD.user_id)::text);
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER session_revoked AFTER UPDATE OF revoked_at ON identity.sessions
  FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION identity.signal_session();
CREATE TRIGGER session_deleted AFTER DELETE ON identity.sessions
  FOR EACH ROW EXECUTE FUNCTION identity.signal_session();
CREATE TRIGGER user_changed AFTER UPDATE OF status, password_hash ON identity.users
  FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.password_hash IS DISTINCT FROM NEW.password_hash)
  EXECUTE FUNCTION identity.signal_session();
CREATE TRIGGER membership_changed AFTER UPDATE OF role, status ON identity.memberships
  FOR EACH ROW WHEN (OLD.role IS DISTINCT FROM NEW.role OR OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION identity.signal_session();
CREATE TRIGGER membership_deleted AFTER DELETE ON identity.memberships
  FOR EACH ROW EXECUTE FUNCTION identity.signal_session();
