import { createHash } from 'node:crypto';
import { fetch, type Dispatcher } from 'undici';
import { z } from 'zod';
import {
  authenticatedSchema,
  INTERNAL_SECRET_HEADER,
  type Authenticated,
  type AuthenticateRequest,
  type PresentedFrom,
} from '@weir/contracts/internal-identity';
import { AppError, ERRORS, type ErrorCode } from '@weir/kernel/errors';
import type { Signal } from '@weir/contracts/signals';
import { systemClock, type Clock } from '@weir/kernel/clock';
import { createBoundedCache } from '../bounded-cache.ts';
import type { Credential } from './credential.ts';

/** Who acts, and until when that may be believed. */
export type Actor = Authenticated;

export interface Authenticator {
  /**
   * Anonymous without a credential.
   * @param from For the trail, should the credential be refused.
   * @throws AppError of status 401 for a credential that is not accepted, DEPENDENCY_UNAVAILABLE when nobody can tell.
   */
  authenticate(credential: Credential, from: PresentedFrom): Promise<Actor>;
  /** The same for a socket that goes on by itself, which is no use of a session. */
  recheck(credential: Credential, from: PresentedFrom): Promise<Actor>;
  /** Believes nothing any more of a session or a person, or of anybody. */
  forget(signal?: Signal<'session'>): void;
}

export interface AuthenticatorOptions {
  /** `POST /internal/authenticate` of the identity service. */
  readonly identityUrl: string;
  readonly internalSecret: string;
  readonly dispatcher: Dispatcher;
  readonly clock?: Clock;
}

/**
 * So long may an ended session or a revoked key still be believed when no signal tells of it: half of the second within
 * which every change must take effect everywhere.
 */
const CACHE_MS = 500;
const CACHE_ENTRIES = 10_000;
const TIMEOUT_MS = 3_000;
const MAX_EXPIRY_MS = 8.64e15;

const ANONYMOUS: Actor = {
  actor: { type: 'anonymous' },
  organizationId: null,
  permissions: [],
  expiresAtMs: MAX_EXPIRY_MS,
};

const refusalSchema = z.object({ code: z.string(), detail: z.string() });

interface Entry {
  readonly answer: Promise<Actor>;
  /** Undefined until the answer is there, and for a refusal. */
  actor?: Actor;
}

/** Whether a signal is about an actor, or might be about one who is not known yet. */
function concerns({ sessionId, userId }: Signal<'session'>, actor: Actor | undefined): boolean {
  if (actor === undefined) return true;
  if (actor.actor.type !== 'user') return false;
  return sessionId === null ? actor.actor.userId === userId : actor.actor.sessionId === sessionId;
}

/** Tokens are not kept in memory longer than the request needs them: the cache knows hashes only. */
function cacheKey(credential: Credential & { value: string }, isWatching: boolean): string {
  const hash = createHash('sha256').update(`${credential.kind}:${credential.value}`).digest('base64');
  // An answer to a socket must not hide from the identity service that a session is used.
  return isWatching ? `watching:${hash}` : hash;
}

function isAuthenticationCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code) && ERRORS[code as ErrorCode].status === 401;
}

/** The identity service's own words when it says why; otherwise a sentence that fits every refusal. */
function refusal(body: unknown): AppError {
  const parsed = refusalSchema.safeParse(body);
  if (parsed.success && isAuthenticationCode(parsed.data.code)) {
    return new AppError(parsed.data.code, parsed.data.detail);
  }
  return new AppError(
    'UNAUTHENTICATED',
    'The access token or API key is not valid, has expired or was revoked.',
  );
}

function unavailable(cause: unknown): AppError {
  return new AppError(
    'DEPENDENCY_UNAVAILABLE',
    'Signing in cannot be checked at the moment. Try again shortly.',
    {
      message: 'the identity service did not authenticate',
      cause,
      retryAfterSeconds: 1,
    },
  );
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const clock = options.clock ?? systemClock;
  const url = new URL('/internal/authenticate', options.identityUrl);
  const cache = createBoundedCache<Entry>({ capacity: CACHE_ENTRIES, ttlMs: CACHE_MS, clock });

  async function ask(request: AuthenticateRequest): Promise<Actor> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [INTERNAL_SECRET_HEADER]: options.internalSecret },
      body: JSON.stringify(request),
      dispatcher: options.dispatcher,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body: unknown = await response.json();
    if (response.status === 401) throw refusal(body);
    if (!response.ok) throw new Error(`the identity service answered ${response.status}`);
    return authenticatedSchema.parse(body);
  }

  function askOnce(key: string, request: AuthenticateRequest): Promise<Actor> {
    const answer = ask(request).catch((error: unknown) => {
      if (error instanceof AppError) throw error;
      // A failure to ask says nothing about the credential, so the next request asks again.
      cache.delete(key);
      throw unavailable(error);
    });
    const entry: Entry = { answer };
    cache.set(key, entry);
    void answer.then(
      (actor) => (entry.actor = actor),
      () => undefined,
    );
    return answer;
  }

  async function actorOf(
    credential: Credential,
    { requestId, ipAddress, userAgent }: PresentedFrom,
    isWatching: boolean,
  ): Promise<Actor> {
    if (credential.kind === 'none') return ANONYMOUS;
    if (credential.kind === 'malformed') throw new AppError('UNAUTHENTICATED', credential.reason);
    const key = cacheKey(credential, isWatching);
    const { value } = credential;
    const request =
      credential.kind === 'apiKey'
        ? { apiKey: value, from: { requestId, ipAddress, userAgent } }
        : { accessToken: value, isWatching };
    // Nothing is awaited between looking and asking: requests that come at the same moment share one answer.
    const entry = cache.get(key);
    if (entry !== undefined) {
      const known = await entry.answer;
      if (known.expiresAtMs > clock.now()) return known;
    }
    const actor = await askOnce(key, request);
    if (actor.expiresAtMs <= clock.now())
      throw new AppError('UNAUTHENTICATED', 'The credential has expired. Sign in again.');
    return actor;
  }

  return {
    authenticate: (credential, from) => actorOf(credential, from, false),
    recheck: (credential, from) => actorOf(credential, from, true),
    forget: (signal) => cache.deleteWhere(({ actor }) => signal === undefined || concerns(signal, actor)),
  };
}
