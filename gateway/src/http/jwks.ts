import type { FastifyInstance } from 'fastify';
import { request, type Dispatcher } from 'undici';
import { INTERNAL_SECRET_HEADER, JWKS_PATH } from '@weir/contracts/internal-identity';
import { AppError } from '@weir/kernel/errors';

export interface JwksOptions {
  readonly identityUrl: string;
  readonly internalSecret: string;
  readonly dispatcher: Dispatcher;
}

/** Half of how long a new key is published before it signs, so that nobody meets a key that they do not know. */
const MAX_AGE_SECONDS = 300;
const KEPT_MS = 15_000;
const TIMEOUT_MS = 3_000;

/** `GET /.well-known/jwks.json`: the public keys that prove access tokens, for whoever wants to prove them alone. */
export function serveJwks(app: FastifyInstance, options: JwksOptions): void {
  const url = new URL(JWKS_PATH, options.identityUrl);
  let known: { readonly body: Promise<string>; readonly untilMs: number } | undefined;

  async function ask(): Promise<string> {
    try {
      const { statusCode, body } = await request(url, {
        headers: { [INTERNAL_SECRET_HEADER]: options.internalSecret },
        dispatcher: options.dispatcher,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`the identity service answered ${statusCode}`);
      return text;
    } catch (cause) {
      known = undefined;
      throw new AppError(
        'DEPENDENCY_UNAVAILABLE',
        'The keys cannot be read at the moment. Try again shortly.',
        {
          cause,
          retryAfterSeconds: 1,
        },
      );
    }
  }

  app.get('/.well-known/jwks.json', async (_request, reply) => {
    if (known === undefined || known.untilMs <= Date.now()) {
      known = { body: ask(), untilMs: Date.now() + KEPT_MS };
    }
    const body = await known.body;
    return reply
      .type('application/json')
      .header('cache-control', `public, max-age=${MAX_AGE_SECONDS}`)
      .header('access-control-allow-origin', '*')
      .send(body);
  });
}
