-- The tables of prisma/schema, one Postgres schema per subgraph. No foreign key crosses a schema.

CREATE SCHEMA IF NOT EXISTS "analytics";

CREATE SCHEMA IF NOT EXISTS "billing";

CREATE SCHEMA IF NOT EXISTS "identity";

CREATE TABLE "analytics"."usage_events" (
    "attempt_id" UUID NOT NULL,
    "request_id" UUID NOT NULL,
    "attempt_number" INTEGER NOT NULL,
    "organization_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "account_path" UUID[] NOT NULL,
    "api_key_id" UUID NOT NULL,
    "model_requested" TEXT NOT NULL,
    "model_effective" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "provider_key_id" UUID NOT NULL,
    "decision" TEXT NOT NULL,
    "endpoint" TEXT NOT NULL,
    "stream" BOOLEAN NOT NULL,
    "business_date" DATE NOT NULL,
    "admitted_at" TIMESTAMPTZ(3) NOT NULL,
    "input_tokens" BIGINT NOT NULL DEFAULT 0,
    "cached_input_tokens" BIGINT NOT NULL DEFAULT 0,
    "cache_write_tokens" BIGINT NOT NULL DEFAULT 0,
    "output_tokens" BIGINT NOT NULL DEFAULT 0,
    "reasoning_tokens" BIGINT NOT NULL DEFAULT 0,
    "images" BIGINT NOT NULL DEFAULT 0,
    "audio_ms" BIGINT NOT NULL DEFAULT 0,
    "cost_nano" BIGINT NOT NULL DEFAULT 0,
    "price_id" TEXT,
    "metering_source" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "upstream_status" INTEGER,
    "error_code" TEXT,
    "disconnected" BOOLEAN NOT NULL DEFAULT false,
    "latency_ms" INTEGER NOT NULL DEFAULT 0,
    "time_to_first_byte_ms" INTEGER,

    CONSTRAINT "usage_events_pkey" PRIMARY KEY ("attempt_id")
);

CREATE TABLE "analytics"."usage_hourly" (
    "organization_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "api_key_id" UUID NOT NULL,
    "model" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "bucket" TIMESTAMPTZ(0) NOT NULL,
    "account_path" UUID[] NOT NULL,
    "requests" BIGINT NOT NULL DEFAULT 0,
    "errors" BIGINT NOT NULL DEFAULT 0,
    "input_tokens" BIGINT NOT NULL DEFAULT 0,
    "cached_input_tokens" BIGINT NOT NULL DEFAULT 0,
    "cache_write_tokens" BIGINT NOT NULL DEFAULT 0,
    "output_tokens" BIGINT NOT NULL DEFAULT 0,
    "reasoning_tokens" BIGINT NOT NULL DEFAULT 0,
    "images" BIGINT NOT NULL DEFAULT 0,
    "audio_ms" BIGINT NOT NULL DEFAULT 0,
    "cost_nano" BIGINT NOT NULL DEFAULT 0,
    "latency_ms_sum" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "usage_hourly_pkey" PRIMARY KEY ("organization_id","bucket","account_id","api_key_id","model","provider")
);

CREATE TABLE "analytics"."usage_daily" (
    "organization_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "api_key_id" UUID NOT NULL,
    "model" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "bucket" DATE NOT NULL,
    "account_path" UUID[] NOT NULL,
    "requests" BIGINT NOT NULL DEFAULT 0,
    "errors" BIGINT NOT NULL DEFAULT 0,
    "input_tokens" BIGINT NOT NULL DEFAULT 0,
    "cached_input_tokens" BIGINT NOT NULL DEFAULT 0,
    "cache_write_tokens" BIGINT NOT NULL DEFAULT 0,
    "output_tokens" BIGINT NOT NULL DEFAULT 0,
    "reasoning_tokens" BIGINT NOT NULL DEFAULT 0,
    "images" BIGINT NOT NULL DEFAULT 0,
    "audio_ms" BIGINT NOT NULL DEFAULT 0,
    "cost_nano" BIGINT NOT NULL DEFAULT 0,
    "latency_ms_sum" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "usage_daily_pkey" PRIMARY KEY ("organization_id","bucket","account_id","api_key_id","model","provider")
);

CREATE TABLE "analytics"."projection_cursor" (
    "name" TEXT NOT NULL,
    "xid" xid8 NOT NULL DEFAULT '0'::xid8,
    "seq" BIGINT NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "projection_cursor_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "billing"."prices" (
    "id" UUID NOT NULL,
    "organization_id" UUID,
    "model" TEXT NOT NULL,
    "valid_from" TIMESTAMPTZ(3) NOT NULL,
    "input" BIGINT NOT NULL DEFAULT 0,
    "cached_input" BIGINT NOT NULL DEFAULT 0,
    "cache_write" BIGINT NOT NULL DEFAULT 0,
    "output" BIGINT NOT NULL DEFAULT 0,
    "reasoning" BIGINT NOT NULL DEFAULT 0,
    "per_request" BIGINT NOT NULL DEFAULT 0,
    "per_image" BIGINT NOT NULL DEFAULT 0,
    "per_audio_second" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "prices_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "billing"."budgets" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "node_kind" TEXT NOT NULL,
    "node_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "metric" TEXT NOT NULL,
    "limit_amount" BIGINT NOT NULL,
    "period" TEXT NOT NULL,
    "models" JSONB,
    "enforcement" TEXT NOT NULL,
    "thresholds" INTEGER[] NOT NULL DEFAULT ARRAY[50, 80, 100]::INTEGER[],
    "grace_minutes" INTEGER NOT NULL DEFAULT 0,
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "budgets_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "billing"."node_spend" (
    "organization_id" UUID NOT NULL,
    "node_id" UUID NOT NULL,
    "model" TEXT NOT NULL,
    "business_date" DATE NOT NULL,
    "requests" BIGINT NOT NULL DEFAULT 0,
    "tokens" BIGINT NOT NULL DEFAULT 0,
    "cost_nano" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "node_spend_pkey" PRIMARY KEY ("node_id","business_date","model")
);

CREATE TABLE "billing"."budget_alerts" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "budget_id" UUID NOT NULL,
    "period_start" TIMESTAMPTZ(3) NOT NULL,
    "threshold" INTEGER NOT NULL,
    "limit_amount" BIGINT NOT NULL,
    "spent" BIGINT NOT NULL,
    "raised_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "budget_alerts_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "billing"."projection_cursor" (
    "name" TEXT NOT NULL,
    "xid" xid8 NOT NULL DEFAULT '0'::xid8,
    "seq" BIGINT NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "projection_cursor_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "identity"."organizations" (
    "id" UUID NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "plan_tier" TEXT NOT NULL DEFAULT 'STARTER',
    "limits" JSONB NOT NULL DEFAULT '{}',
    "model_limits" JSONB NOT NULL DEFAULT '[]',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organizations_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "identity"."accounts" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "parent_id" UUID,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "dna" TEXT COLLATE "C" NOT NULL DEFAULT '.',
    "level" INTEGER NOT NULL DEFAULT 1,
    "gear" INTEGER NOT NULL DEFAULT 0,
    "tier" INTEGER NOT NULL DEFAULT 0,
    "rates_ppm" BIGINT NOT NULL DEFAULT 1000000,
    "allow_ips" JSONB,
    "allow_models" JSONB,
    "allow_levels" JSONB,
    "resources" JSONB,
    "model_mapper" JSONB NOT NULL DEFAULT '[]',
    "level_mapper" JSONB NOT NULL DEFAULT '[]',
    "switch_over" JSONB NOT NULL DEFAULT '[]',
    "model_failover" JSONB NOT NULL DEFAULT '[]',
    "limits" JSONB NOT NULL DEFAULT '{}',
    "model_limits" JSONB NOT NULL DEFAULT '[]',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "identity"."users" (
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "password_hash" TEXT,
    "display_name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "identity"."memberships" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "role" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "identity"."sessions" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "organization_id" UUID,
    "refresh_token_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "ip" TEXT,
    "user_agent" TEXT,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "identity"."signing_keys" (
    "id" UUID NOT NULL,
    "algorithm" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "sealed_private" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "retired_at" TIMESTAMPTZ(3),

    CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "identity"."api_keys" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "key_hash" BYTEA NOT NULL,
    "prefix" TEXT NOT NULL,
    "last4" TEXT NOT NULL,
    "scopes" TEXT[] NOT NULL DEFAULT '{}',
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "disconnect_policy" TEXT NOT NULL DEFAULT 'ABORT',
    "allow_ips" JSONB,
    "allow_models" JSONB,
    "resources" JSONB,
    "limits" JSONB NOT NULL DEFAULT '{}',
    "model_limits" JSONB NOT NULL DEFAULT '[]',
    "created_by" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "identity"."owner_keys" (
    "owner_id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "ciphertext" TEXT NOT NULL,
    "nonce" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "owner_keys_pkey" PRIMARY KEY ("owner_id")
);

CREATE TABLE "identity"."provider_keys" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "base_url" TEXT NOT NULL,
    "level" INTEGER NOT NULL DEFAULT 1,
    "weight" INTEGER NOT NULL DEFAULT 1,
    "status" TEXT NOT NULL DEFAULT 'ENABLED',
    "disabled_reason" TEXT,
    "ciphertext" TEXT NOT NULL,
    "nonce" TEXT NOT NULL,
    "key_version" INTEGER NOT NULL DEFAULT 1,
    "config" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_keys_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "identity"."models" (
    "id" UUID NOT NULL,
    "organization_id" UUID,
    "name" TEXT NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "aliases" TEXT[] NOT NULL DEFAULT '{}',
    "snapshots" TEXT[] NOT NULL DEFAULT '{}',
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "context_tokens" INTEGER NOT NULL,
    "max_output_tokens" INTEGER NOT NULL,
    "min_tier" INTEGER NOT NULL DEFAULT 0,
    "capabilities" TEXT[] NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "models_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "usage_events_organization_id_admitted_at_idx" ON "analytics"."usage_events"("organization_id", "admitted_at");

CREATE INDEX "usage_events_organization_id_request_id_idx" ON "analytics"."usage_events"("organization_id", "request_id");

CREATE UNIQUE INDEX "prices_organization_id_model_valid_from_key" ON "billing"."prices"("organization_id", "model", "valid_from") NULLS NOT DISTINCT;

CREATE INDEX "budgets_organization_id_node_id_idx" ON "billing"."budgets"("organization_id", "node_id");

CREATE INDEX "budgets_node_id_idx" ON "billing"."budgets"("node_id");

CREATE UNIQUE INDEX "budgets_organization_id_id_key" ON "billing"."budgets"("organization_id", "id");

CREATE INDEX "node_spend_organization_id_business_date_idx" ON "billing"."node_spend"("organization_id", "business_date");

CREATE INDEX "budget_alerts_organization_id_id_idx" ON "billing"."budget_alerts"("organization_id", "id");

CREATE UNIQUE INDEX "budget_alerts_budget_id_period_start_threshold_limit_amount_key" ON "billing"."budget_alerts"("budget_id", "period_start", "threshold", "limit_amount");

CREATE UNIQUE INDEX "organizations_slug_key" ON "identity"."organizations"("slug");

CREATE INDEX "accounts_organization_id_parent_id_idx" ON "identity"."accounts"("organization_id", "parent_id");

CREATE INDEX "accounts_organization_id_dna_idx" ON "identity"."accounts"("organization_id", "dna");

CREATE UNIQUE INDEX "accounts_organization_id_id_key" ON "identity"."accounts"("organization_id", "id");

CREATE UNIQUE INDEX "users_email_key" ON "identity"."users"("email");

CREATE INDEX "memberships_organization_id_idx" ON "identity"."memberships"("organization_id");

CREATE UNIQUE INDEX "memberships_user_id_organization_id_key" ON "identity"."memberships"("user_id", "organization_id");

CREATE UNIQUE INDEX "sessions_refresh_token_hash_key" ON "identity"."sessions"("refresh_token_hash");

CREATE INDEX "sessions_user_id_expires_at_idx" ON "identity"."sessions"("user_id", "expires_at");

CREATE INDEX "sessions_organization_id_idx" ON "identity"."sessions"("organization_id");

CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "identity"."api_keys"("key_hash");

CREATE INDEX "api_keys_organization_id_account_id_idx" ON "identity"."api_keys"("organization_id", "account_id");

CREATE UNIQUE INDEX "owner_keys_organization_id_owner_id_key" ON "identity"."owner_keys"("organization_id", "owner_id");

CREATE INDEX "provider_keys_organization_id_level_idx" ON "identity"."provider_keys"("organization_id", "level");

CREATE UNIQUE INDEX "models_organization_id_name_revision_key" ON "identity"."models"("organization_id", "name", "revision") NULLS NOT DISTINCT;

ALTER TABLE "billing"."budget_alerts" ADD CONSTRAINT "budget_alerts_organization_id_budget_id_fkey" FOREIGN KEY ("organization_id", "budget_id") REFERENCES "billing"."budgets"("organization_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

ALTER TABLE "identity"."accounts" ADD CONSTRAINT "accounts_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "identity"."accounts" ADD CONSTRAINT "accounts_organization_id_parent_id_fkey" FOREIGN KEY ("organization_id", "parent_id") REFERENCES "identity"."accounts"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE "identity"."memberships" ADD CONSTRAINT "memberships_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "identity"."memberships" ADD CONSTRAINT "memberships_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "identity"."sessions" ADD CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "identity"."sessions" ADD CONSTRAINT "sessions_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "identity"."api_keys" ADD CONSTRAINT "api_keys_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "identity"."api_keys" ADD CONSTRAINT "api_keys_organization_id_account_id_fkey" FOREIGN KEY ("organization_id", "account_id") REFERENCES "identity"."accounts"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE "identity"."owner_keys" ADD CONSTRAINT "owner_keys_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "identity"."owner_keys" ADD CONSTRAINT "owner_keys_organization_id_owner_id_fkey" FOREIGN KEY ("organization_id", "owner_id") REFERENCES "identity"."accounts"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE "identity"."provider_keys" ADD CONSTRAINT "provider_keys_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "identity"."provider_keys" ADD CONSTRAINT "provider_keys_organization_id_owner_id_fkey" FOREIGN KEY ("organization_id", "owner_id") REFERENCES "identity"."accounts"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE "identity"."models" ADD CONSTRAINT "models_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "identity"."organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
