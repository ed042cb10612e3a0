import { createRefusalAudit } from '@weir/graphql/audit-refusals';
import { createBoundedAudit } from '@weir/graphql/bounded-audit';
import { loadTypeDefs } from '@weir/graphql/sdl';
import { startSubgraph } from '@weir/graphql/subgraph-server';
import { systemClock, type Clock } from '@weir/kernel/clock';
import { createDatabase, type Database } from '@weir/prisma/database';
import type { Check } from '@weir/service/health';
import { createOutboundGuard, type ResolveHost } from '@weir/service/outbound-guard';
import type { Logger } from '@weir/service/logger';
import type { Running } from '@weir/service/running';
import { createWaker } from '@weir/service/waker';
import { createAfterAnswer } from './after-answer.ts';
import { addJwksRoute } from './jwks-route.ts';
import { addAuthenticateRoute } from './authenticate-route.ts';
import type { Config } from './config.ts';
import { createContextFactory } from './context.ts';
import { addAuditExportRoute } from './modules/audit/audit-export-route.ts';
import { startAuditRetention } from './modules/audit/audit-retention.ts';
import { createExpiryFeed } from './modules/api-keys/expiry-feed.ts';
import { createExpirySource } from './modules/api-keys/expiry-source.ts';
import { startMailDelivery } from './modules/mail/mail-delivery.ts';
import { createMailLinks } from './modules/mail/mail-links.ts';
import { createQueueMail } from './modules/mail/queue-mail.ts';
import { startImpersonationExpiry } from './modules/impersonation/impersonation-expiry.ts';
import { createClientGrant } from './modules/oauth-clients/client-grant.ts';
import { createClientTokens } from './modules/oauth-clients/client-token.ts';
import { createOidcClients } from './modules/oidc/oidc-client.ts';
import { createProviderProbe } from './modules/provider-keys/provider-probe.ts';
import { createAccessTokens } from './modules/sessions/access-token.ts';
import { createAuthenticator } from './modules/sessions/authenticator.ts';
import { createOneTimeTokens } from './modules/one-time-tokens/one-time-tokens.ts';
import { createRefusedKeyAudit } from './modules/sessions/refused-key-audit.ts';
import { createRateLimits } from './modules/rate-limits/rate-limits.ts';
import { createSigningKeyRotation } from './modules/sessions/signing-key-rotation.ts';
import { openSigningKeys } from './modules/sessions/signing-keys.ts';
import { addOAuthRoutes } from './oauth-routes.ts';
import { addOidcRoutes } from './oidc-routes.ts';
import { resolvers } from './resolvers.ts';
import { createSessionSignals } from './session-signals.ts';
import { startThrottlePurge } from './throttle-purge.ts';
import { createServices } from './services.ts';
import { startSignals } from './signal-listener.ts';
import { mailTransportOf } from './modules/mail/configured-transport.ts';

const VERSION = '0.1.0';

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
      spentTokens: createOneTimeTokens({ masterKey: config.masterKey, clock }),
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
    const mailWaker = createWaker();
    const stopSignals = startSignals(config, expiryFeed, signals, keys, mailWaker, { db, clock, log });
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
    const mails = startMailDelivery({ db, clock, masterKey, transport, log }, mailWaker);
    return {
      ports: running.ports,
      async stop() {
        stopPurge();
        stopImpersonations();
        stopRotation();
        stopRetention();
        signals.stop();
        await stopSignals();
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
