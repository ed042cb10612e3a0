import type { RequestNames } from '@weir/counters/idempotency/contract';
import type { Clock } from '@weir/kernel/clock';
import type { AppError } from '@weir/kernel/errors';
import type { Logger } from '@weir/service/logger';
import { createUploadMemory } from './body/upload-memory.ts';
import type { Config } from './config.ts';
import { endpoints } from './endpoints/endpoints.ts';
import type { TokenCounter } from './estimate/token-counter.ts';
import { createAdmit } from './http/admit-attempt.ts';
import { createAddressOf } from './http/client-address.ts';
import { createDispatch } from './http/dispatch-attempt.ts';
import { createTakeRequestName } from './http/idempotency.ts';
import { createIdentify } from './http/identify.ts';
import { createServeInference } from './http/inference.ts';
import type { LiveRequests } from './http/live-requests.ts';
import { modelsRoute } from './http/models.ts';
import { createServeRead } from './http/read-routes.ts';
import type { Reporter } from './http/report.ts';
import { createRunAttempts } from './http/run-attempts.ts';
import { createServeRequest } from './http/serve-request.ts';
import { createServer, type HttpServer } from './http/server.ts';
import { createOpenUpload } from './http/uploads.ts';
import { createAuthenticate } from './keys/authenticate.ts';
import type { PolicyCache } from './keys/policy-cache.ts';
import type { OpenOwnedSecret } from './keys/owner-keys.ts';
import { createProviderSecretOpener } from './keys/provider-secret.ts';
import { createSignatureCheck } from './keys/request-signature.ts';
import type { AdmissionGate, Meter } from './metering/contract.ts';
import { createKeyRotation } from './routing/key-rotation.ts';
import { createCredentials } from './upstream/credentials.ts';
import { createTokenExchange } from './upstream/google-token.ts';
import type { ProviderHealth } from './routing/provider-health.ts';
import { createRoutingDecisions } from './routing/routing-decisions.ts';
import { createRoutingRoutes } from './routing/routing-routes.ts';
import type { OriginPools } from './upstream/origin-pools.ts';
import { createAuditRoute } from './usage/audit-route.ts';
import type { KeyReads } from './usage/key-reads.ts';
import { createUsageRoute } from './usage/usage-route.ts';
import { createTokenCache } from './upstream/token-cache.ts';

export interface RequestPathOptions {
  readonly config: Config;
  readonly policies: PolicyCache;
  readonly openOwned: OpenOwnedSecret;
  readonly gate: AdmissionGate;
  readonly meter: Meter;
  readonly health: ProviderHealth;
  readonly requestNames: RequestNames;
  readonly keyReads: KeyReads;
  readonly pools: OriginPools;
  readonly live: LiveRequests;
  readonly reporter: Reporter;
  readonly tokens: TokenCounter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly refusal: () => AppError | null;
}

/** Puts the steps of the request path together and in front of them the HTTP server. */
export function createRequestPath(options: RequestPathOptions): HttpServer {
  const { config, gate, meter, pools, live, reporter, clock, log } = options;
  const { deployments, refusedKeys } = options.health;
  const decisions = createRoutingDecisions();
  const identify = createIdentify({
    authenticate: createAuthenticate(options.policies),
    signatureProblem: createSignatureCheck(options.openOwned),
    clock,
  });
  const addressOf = createAddressOf(config.http.trustedProxies);
  const { cooldownMs, outputCapMin, leaseMs } = config.admission;
  const admit = createAdmit({
    gate,
    meter,
    deployments,
    clock,
    settings: { leaseMs, cooldownMs, outputCapMin },
    onAdmitted: (durationMs) => {
      reporter.admitted(durationMs);
    },
  });
  const dispatch = createDispatch({
    pools,
    credentials: createCredentials({
      openSecret: createProviderSecretOpener(options.openOwned),
      tokens: createTokenCache(createTokenExchange(pools, clock), clock),
      log,
    }),
    meter,
    deployments,
    refusedKeys,
    tokens: options.tokens,
    clock,
    log,
    drainMs: config.upstream.drainMs,
  });
  return createServer({
    endpoints,
    /** Every question that the proxy answers itself. */
    readRoutes: [
      modelsRoute,
      ...createRoutingRoutes({ deployments, refusedKeys, decisions }),
      createUsageRoute({ reads: options.keyReads, gate, clock }),
      createAuditRoute(options.keyReads),
    ],
    serveInference: createServeInference({
      identify,
      addressOf,
      openUpload: createOpenUpload({
        bytesMax: config.http.uploadBytesMax,
        textBytesMax: config.http.bodyBytesMax,
        memory: createUploadMemory(config.http.uploadMemoryBytesMax),
      }),
      takeRequestName: createTakeRequestName(options.requestNames),
      runAttempts: createRunAttempts({
        admit,
        dispatch,
        decisions,
        clock,
        attemptsMax: config.upstream.attemptsMax,
      }),
      deployments,
      refusedKeys,
      rotation: createKeyRotation(),
      clock,
    }),
    serveRead: createServeRead({ identify, addressOf }),
    serveRequest: createServeRequest({
      live,
      reporter,
      clock,
      requestTimeoutMs: config.http.requestTimeoutMs,
      inFlightMax: config.http.inFlightMax,
      refusal: options.refusal,
    }),
    bodyBytesMax: config.http.bodyBytesMax,
    requestTimeoutMs: config.http.requestTimeoutMs,
  });
}
