import { createRefusalAudit } from '@weir/graphql/audit-refusals';
import { createBoundedAudit, type BoundedAudit } from '@weir/graphql/bounded-audit';
import { loadTypeDefs } from '@weir/graphql/sdl';
import { startSubgraph } from '@weir/graphql/subgraph-server';
import { systemClock, type Clock } from '@weir/kernel/clock';
import { createDatabase, type Database } from '@weir/prisma/database';
import type { Check } from '@weir/service/health';
import { createListener } from '@weir/service/listener';
import { createOutboundGuard, type OutboundGuard, type ResolveHost } from '@weir/service/outbound-guard';
import type { Logger } from '@weir/service/logger';
import type { Running } from '@weir/service/running';
import type { MasterKey } from '@weir/service/vault';
import { createAfterAnswer, type AfterAnswer } from './after-answer.ts';
import { addJwksRoute } from './jwks-route.ts';
import { addAuthenticateRoute } from './authenticate-route.ts';
import type { Config } from './config.ts';
import { createContextFactory, type Services } from './context.ts';
import { createAccountService } from './modules/accounts/account-service.ts';
import { addAuditExportRoute } from './modules/audit/audit-export-route.ts';
import { startAuditRetention } from './modules/audit/audit-retention.ts';
import { createAuditService } from './modules/audit/audit-service.ts';
import { createApiKeyService } from './modules/api-keys/api-key-service.ts';
import { createExpiryFeed, type ExpiryFeed } from './modules/api-keys/expiry-feed.ts';
import { startExpiryNotices, type ExpiryNoticesDeps } from './modules/api-keys/expiry-notices.ts';
import { createExpirySource } from './modules/api-keys/expiry-source.ts';
import { createFileTransport } from './modules/mail/file-transport.ts';
import { startMailDelivery } from './modules/mail/mail-delivery.ts';
import { createMailLinks } from './modules/mail/mail-links.ts';
import type { MailTransport } from './modules/mail/mail-transport.ts';
import { createQueueMail, type QueueMail } from './modules/mail/queue-mail.ts';
import { createSmtpTransport } from './modules/mail/smtp-transport.ts';
import { createMemberService } from './modules/members/member-service.ts';
import { createImpersonationService } from './modules/impersonation/impersonation-service.ts';
import { startImpersonationExpiry } from './modules/impersonation/impersonation-expiry.ts';
import { createModelService } from './modules/models/model-service.ts';
import { createOrganizationService } from './modules/organizations/organization-service.ts';
import { createClientGrant } from './modules/oauth-clients/client-grant.ts';
import { createClientTokens } from './modules/oauth-clients/client-token.ts';
import { createOAuthClientService } from './modules/oauth-clients/oauth-client-service.ts';
import { createOidcClients, type OidcClients } from './modules/oidc/oidc-client.ts';
import { createOidcLinks } from './modules/oidc/oidc-link.ts';
import { createOidcProviderService } from './modules/oidc/oidc-provider-service.ts';
import { createOidcSignIn } from './modules/oidc/oidc-sign-in.ts';
import { createOneTimeTokens } from './modules/one-time-tokens/one-time-tokens.ts';
import { createPasskeyAssertions } from './modules/passkeys/passkey-assertions.ts';
import { createPasskeyService } from './modules/passkeys/passkey-service.ts';
import { relyingPartyOf } from './modules/passkeys/relying-party.ts';
import { createPlatformOrganizationService } from './modules/platform-organizations/platform-organization-service.ts';
import { createPlatformPeopleService } from './modules/platform-people/platform-people-service.ts';
import { createProviderKeyService } from './modules/provider-keys/provider-key-service.ts';
import { createProviderProbe, type ProviderProbe } from './modules/provider-keys/provider-probe.ts';
import { createSecondFactorService } from './modules/second-factors/second-factor-service.ts';
import { createSecondFactors } from './modules/second-factors/second-factors.ts';
import { createRoleService } from './modules/roles/role-service.ts';
import { createAccessTokens, type AccessTokens } from './modules/sessions/access-token.ts';
import { createAttempts } from './modules/sessions/attempts.ts';
import { createAuthenticator } from './modules/sessions/authenticator.ts';
import { createRefusedKeyAudit } from './modules/sessions/refused-key-audit.ts';
import { createBeginSession } from './modules/sessions/begin-session.ts';
import { createSessionManagement } from './modules/sessions/session-management.ts';
import { createSignInAudit } from './modules/sessions/sign-in-audit.ts';
import { createSessionService } from './modules/sessions/session-service.ts';
import { createRateLimits } from './modules/rate-limits/rate-limits.ts';
import { createSignUpService } from './modules/sign-up/sign-up-service.ts';
import {
  createSigningKeyRotation,
  type SigningKeyRotation,
} from './modules/sessions/signing-key-rotation.ts';
import { type SigningKeyRing, openSigningKeys } from './modules/sessions/signing-keys.ts';
import { createEmailChangeService } from './modules/email-change/email-change-service.ts';
import { createPasswordService } from './modules/passwords/password-service.ts';
import { createLockedMail } from './modules/sessions/locked-mail.ts';
import { createPasswords } from './modules/users/password.ts';
import { createUserService } from './modules/users/user-service.ts';
import { addOAuthRoutes } from './oauth-routes.ts';
import { addOidcRoutes } from './oidc-routes.ts';
import { resolvers } from './resolvers.ts';
import { createSessionSignals, type SessionSignals } from './session-signals.ts';
import { startThrottlePurge } from './throttle-purge.ts';

const VERSION = '0.1.0';
/** Gateways rely on hearing of ended sessions; a connection that died unnoticed must not last. */
const PROBE_MS = 400;

export interface StartDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  /** Answers for the system's resolver. */
  readonly resolveHost?: ResolveHost;
}

function databaseCheck(db: Database): Check {
  return {
    name: 'postgres',
    required: true,
    run: async () => {
      await db.$queryRaw`select 1`;
    },
  };
}

interface ServiceDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly accessTokens: AccessTokens;
  readonly expiryFeed: ExpiryFeed;
  readonly guard: OutboundGuard;
  readonly probe: ProviderProbe;
  readonly refusals: BoundedAudit;
  readonly queueMail: QueueMail;
  readonly afterAnswer: AfterAnswer;
  readonly publicUrl: string;
  readonly clients: OidcClients;
  readonly log: Logger;
  readonly signingKeys: SigningKeyRotation;
}

async function createServices({ expiryFeed, ...deps }: ServiceDeps): Promise<Services> {
  const { db, clock, masterKey, accessTokens, publicUrl, queueMail, afterAnswer } = deps;
  const passwords = await createPasswords();
  const attempts = createAttempts({ db, clock, onLocked: createLockedMail(deps) });
  const rateLimits = createRateLimits({ db, clock });
  const oneTimeTokens = createOneTimeTokens({ masterKey, clock });
  const relyingParty = relyingPartyOf(publicUrl);
  const passkeys = createPasskeyAssertions({ relyingParty, oneTimeTokens, clock });
  const secondFactors = createSecondFactors({ masterKey, clock, passkeys });
  const begin = createBeginSession(clock);
  const signInDeps = {
    db,
    clock,
    passwords,
    attempts,
    secondFactors,
    begin,
    afterAnswer,
    rateLimits,
    oneTimeTokens,
  };
  const recoveryDeps = { ...deps, ...signInDeps };
  const failures = createSignInAudit(deps);
  const sessions = createSessionService({ ...signInDeps, failures, accessTokens, masterKey });
  return {
    audit: createAuditService({ db, clock, publicUrl }),
    accounts: createAccountService({ db, clock }),
    apiKeys: createApiKeyService({ db, clock, masterKey }, expiryFeed),
    members: createMemberService({ db, clock, queueMail, passwords }),
    emailChanges: createEmailChangeService(recoveryDeps),
    models: createModelService({ db, clock }),
    passwords: createPasswordService(recoveryDeps),
    impersonations: createImpersonationService(deps),
    organizations: createOrganizationService({ db, clock }),
    platformOrganizations: createPlatformOrganizationService(deps),
    platformPeople: createPlatformPeopleService({ db }),
    oauthClients: createOAuthClientService({ db, clock }),
    oidcLinks: createOidcLinks(signInDeps),
    oidcProviders: createOidcProviderService(deps),
    oidcSignIn: createOidcSignIn({ ...deps, ...signInDeps, sessions }),
    passkeys: createPasskeyService({ ...signInDeps, passkeys, relyingParty, queueMail }),
    providerKeys: createProviderKeyService(deps),
    roles: createRoleService({ db, clock }),
    secondFactors: createSecondFactorService({ ...signInDeps, masterKey, queueMail }),
    sessionManagement: createSessionManagement({ db, clock }),
    signingKeys: deps.signingKeys,
    sessions,
    signUps: createSignUpService({ ...deps, passwords, rateLimits }),
    users: createUserService({ db }),
  };
}

/** Tells which keys are about to expire, and hears what other processes tell. Returns what stops both. */
function startExpiry(
  config: Config,
  feed: ExpiryFeed,
  signals: SessionSignals,
  keys: SigningKeyRing,
  deps: ExpiryNoticesDeps,
): () => Promise<void> {
  const reloadKeys = async (): Promise<void> => {
    await keys.reload().catch((err: unknown) => deps.log.warn({ err }, 'signing keys were not read'));
  };
  const listener = createListener({
    url: config.databaseUrl,
    role: 'weir_identity',
    applicationName: 'weir-identity-listener',
    log: deps.log,
    on: {
      expiry: (signal) => void feed.onExpiry(signal),
      session(signal) {
        feed.onSession(signal);
        signals.onSession(signal);
      },
      config: () => void reloadKeys(),
    },
    async onConnected() {
      await Promise.all([feed.onConnected(), keys.reload()]);
      signals.onConnected();
    },
    onDisconnected() {
      feed.onDisconnected();
      signals.onDisconnected();
    },
    probeMs: PROBE_MS,
  });
  const stopNotices = startExpiryNotices(deps);
  return async () => {
    stopNotices();
    await listener.stop();
  };
}

/** How long a mail server may be silent. */
const SMTP_TIMEOUT_MS = 15_000;

function mailTransportOf({ mail }: Config, clock: Clock, log: Logger): MailTransport {
  if (mail.to === 'smtp') {
    return createSmtpTransport({ url: mail.url, from: mail.from, timeoutMs: SMTP_TIMEOUT_MS });
  }
  log.info({ folder: mail.folder }, 'SMTP_URL is not set: mails are kept as files');
  return createFileTransport({ folder: mail.folder, clock, log });
}

/** Serves the identity subgraph and `POST /internal/authenticate`. Rejects when the database or a port is not there. */
export async function start(
  config: Config,
  { log, clock = systemClock, resolveHost }: StartDeps,
): Promise<Running> {
  const guard = createOutboundGuard({
    privateNetworks: config.privateNetworks,
    ...(resolveHost ? { resolve: resolveHost } : {}),
  });
  const probe = createProviderProbe({ guard, clock });
  const clients = createOidcClients({ guard, clock });
  const db = createDatabase({
    url: config.databaseUrl,
    role: 'weir_identity',
    onError: (err) => {
      log.warn({ err }, 'database connection lost');
    },
  });
  try {
    const keys = await openSigningKeys({ db, masterKey: config.masterKey, clock });
    const accessTokens = createAccessTokens(keys, clock, config.publicUrl);
    const signingKeys = createSigningKeyRotation({
      db,
      clock,
      masterKey: config.masterKey,
      keys,
      maxAgeMs: config.signingKeyMaxAgeMs,
    });
    const clientGrant = createClientGrant({
      db,
      clientTokens: createClientTokens(keys, clock, config.publicUrl),
      rateLimits: createRateLimits({ db, clock }),
    });
    const refusals = createBoundedAudit({ log, clock });
    const onRefusedKey = createRefusedKeyAudit({ db, refusals });
    const authenticator = createAuthenticator({ db, accessTokens, clientGrant, clock, onRefusedKey });
    const expiryFeed = createExpiryFeed({ source: createExpirySource(db), clock, log });
    const { masterKey } = config;
    const afterAnswer = createAfterAnswer(log);
    const queueMail = createQueueMail({ masterKey, clock, links: createMailLinks(config.publicUrl) });
    const services = await createServices({
      refusals,
      db,
      clock,
      masterKey,
      accessTokens,
      expiryFeed,
      guard,
      probe,
      queueMail,
      afterAnswer,
      signingKeys,
      publicUrl: config.publicUrl,
      clients,
      log,
    });
    const signals = createSessionSignals();
    const stopExpiry = startExpiry(config, expiryFeed, signals, keys, { db, clock, log });
    const stopRotation = signingKeys.start(log);
    const stopRetention = startAuditRetention({ db, clock, log });
    const stopImpersonations = startImpersonationExpiry({ db, clock, log });
    const stopPurge = startThrottlePurge({ db, clock, log });
    const running = await startSubgraph({
      name: 'identity',
      version: VERSION,
      host: config.host,
      port: config.port,
      adminHost: config.adminHost,
      adminPort: config.adminPort,
      typeDefs: loadTypeDefs(new URL('./modules', import.meta.url)),
      resolvers,
      onErrors: createRefusalAudit(db, refusals),
      createContext: createContextFactory({ db, clock, services, publicUrl: config.publicUrl }),
      internalSecret: config.internalSecret,
      log,
      checks: [databaseCheck(db)],
      routes: (app) => {
        signals.addRoute(app, config.internalSecret);
        addJwksRoute(app, keys, config.internalSecret);
        addAuditExportRoute(app, {
          exports: services.audit.exports,
          internalSecret: config.internalSecret,
          log,
        });
        addAuthenticateRoute(app, { authenticator, internalSecret: config.internalSecret, log });
        const { oidcSignIn } = services;
        addOAuthRoutes(app, { clientGrant, internalSecret: config.internalSecret, log });
        addOidcRoutes(app, { oidcSignIn, internalSecret: config.internalSecret, log });
      },
    });
    const transport = mailTransportOf(config, clock, log);
    const mails = startMailDelivery({ db, clock, masterKey, transport, log });
    return {
      ports: running.ports,
      async stop() {
        stopPurge();
        stopImpersonations();
        stopRotation();
        stopRetention();
        signals.stop();
        await stopExpiry();
        await running.stop();
        await refusals.settled();
        await afterAnswer.stop();
        await mails.stop();
        await Promise.all([probe.close(), clients.close(), db.$disconnect()]);
      },
    };
  } catch (error) {
    await Promise.all([probe.close(), clients.close(), db.$disconnect()]);
    throw error;
  }
}
