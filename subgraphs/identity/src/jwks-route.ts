import type { FastifyInstance } from 'fastify';
import { JWKS_PATH } from '@weir/contracts/internal-identity';
import { internalOnly } from '@weir/graphql/internal-only';
import type { SigningKeyRing } from './modules/sessions/signing-keys.ts';

/** `GET /internal/jwks`: what proves access tokens, as RFC 7517 has it, the keys that are about to sign included. */
export function addJwksRoute(app: FastifyInstance, keys: SigningKeyRing, internalSecret: string): void {
  app.get(JWKS_PATH, { onRequest: internalOnly(internalSecret) }, () => ({
    keys: keys.all().map(({ id, publicJwk }) => ({ ...publicJwk, kid: id, alg: 'EdDSA', use: 'sig' })),
  }));
}
