import type { HeldName } from '@weir/counters/idempotency/contract';
import { AppError } from '@weir/kernel/errors';
import { accessProblem } from '../admission/access.ts';
import type { Upload } from '../body/upload.ts';
import type { Endpoint, InferenceCall } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import { AttemptPlan, type PlanDeps } from '../routing/attempt-plan.ts';
import { requireCapability, routeModel } from '../routing/model-route.ts';
import { stickinessFor } from '../routing/stickiness.ts';
import type { AddressOf } from './client-address.ts';
import type { Exchange } from './exchange.ts';
import { throwProblem, type Identify } from './identify.ts';
import type { TakeRequestName } from './idempotency.ts';
import type { RunAttempts } from './run-attempts.ts';
import { readUpload, type OpenUpload } from './uploads.ts';

export interface InferenceDeps extends PlanDeps {
  readonly identify: Identify;
  readonly addressOf: AddressOf;
  readonly takeRequestName: TakeRequestName;
  readonly openUpload: OpenUpload;
  readonly runAttempts: RunAttempts;
}

/** Throws at once, or rejects later. */
export type ServeInference = (endpoint: Endpoint, exchange: Exchange) => Promise<void>;

/**
 * The path of one inference request, in the order in which it may be denied (docs/architecture.md). Everything before
 * the attempts is decided from the request and the policy alone.
 */
export function createServeInference(deps: InferenceDeps): ServeInference {
  return (endpoint, exchange) => {
    const found = deps.identify(exchange);
    return found instanceof Promise
      ? found.then((policy) => serve(endpoint, exchange, policy))
      : serve(endpoint, exchange, found);
  };

  function serve(endpoint: Endpoint, exchange: Exchange, policy: Policy): Promise<void> {
    throwProblem(accessProblem(policy, callerOf(endpoint, exchange, deps.addressOf)));
    requireUncompressed(exchange);
    exchange.upload = deps.openUpload(endpoint, exchange.form);
    return exchange.upload
      ? serveUpload(endpoint, exchange, exchange.upload, policy)
      : serveCall(endpoint, exchange, policy, endpoint.read(exchange.body));
  }

  async function serveUpload(
    endpoint: Endpoint,
    exchange: Exchange,
    upload: Upload,
    policy: Policy,
  ): Promise<void> {
    try {
      await serveCall(endpoint, exchange, policy, await readUpload(endpoint, upload, policy));
    } finally {
      upload.release();
    }
  }

  function serveCall(
    endpoint: Endpoint,
    exchange: Exchange,
    policy: Policy,
    call: InferenceCall,
  ): Promise<void> {
    exchange.notes.model = call.model;
    exchange.notes.stream = call.stream;
    const name = requestNameOf(call, exchange);
    return name === null
      ? attempt(endpoint, exchange, policy, call)
      : serveNamed(endpoint, exchange, policy, call, name);
  }

  async function serveNamed(
    endpoint: Endpoint,
    exchange: Exchange,
    policy: Policy,
    call: InferenceCall,
    name: string,
  ): Promise<void> {
    const held = await takeName(name, policy, exchange);
    const leave = (): void => (cameToSomething(exchange) ? held.keep : held.free)();
    try {
      await attempt(endpoint, exchange, policy, call);
    } finally {
      // What was never reported costs something once it is estimated; until then the request runs. It never rejects.
      if (exchange.settling) void exchange.settling.then(leave);
      else leave();
    }
  }

  function attempt(
    endpoint: Endpoint,
    exchange: Exchange,
    policy: Policy,
    call: InferenceCall,
  ): Promise<void> {
    const route = routeModel(policy, call.model);
    requireCapability(route, endpoint.operation);
    exchange.notes.effectiveModel = route.model.name;
    const stickiness = stickinessFor(policy, call.conversation ?? null);
    const plan = new AttemptPlan({ policy, route, endpoint, stickiness }, deps);
    return deps.runAttempts({ endpoint, exchange, policy, call, plan });
  }

  function takeName(name: string, policy: Policy, { publicId }: Exchange): Promise<HeldName> {
    const { organization, key } = policy.snapshot;
    return deps.takeRequestName({
      organizationId: organization.id,
      apiKeyId: key.id,
      name,
      requestId: publicId,
    });
  }
}

function callerOf(endpoint: Endpoint, { path, req }: Exchange, addressOf: AddressOf) {
  return {
    path,
    canonicalPath: endpoint.path,
    scope: 'inference:write',
    address: () => addressOf(req.socket.remoteAddress, forwardedFor(req.headers['x-forwarded-for'])),
  } as const;
}

/** Several headers of the name mean one list. */
export function forwardedFor(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}

/** The body's limit is one of bytes as they are read, and the provider gets them as they came. */
function requireUncompressed({ req }: Exchange): void {
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new AppError(
      'UNSUPPORTED_MEDIA_TYPE',
      'Send the request body uncompressed, without Content-Encoding.',
    );
  }
}

function requestNameOf(call: InferenceCall, { req }: Exchange): string | null {
  const header = req.headers['idempotency-key'];
  return typeof header === 'string' && header !== '' ? header : call.idempotencyKey;
}

/** Only a request that delivered nothing and cost nothing may be run again under its name. */
function cameToSomething({ answer, notes }: Exchange): boolean {
  return answer.isStarted || (notes.costNanoUsd ?? 0n) > 0n;
}
