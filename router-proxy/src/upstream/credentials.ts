import { err, ok, type Result } from '@weir/kernel/result';
import type { Logger } from '@weir/service/logger';
import { assertNever } from '@weir/kernel/assert-never';
import type { OpenProviderSecret } from '../keys/provider-secret.ts';
import type { Failure } from './failure.ts';
import type { ProviderTarget } from './provider-target.ts';
import type { CredentialForm } from './providers/provider.ts';
import type { TokenCache } from './token-cache.ts';

/** The header by which one request shows that it may ask. */
export interface ProviderCredential {
  readonly name: string;
  readonly value: string;
}

export type CredentialResult = Result<ProviderCredential, Failure>;

export interface Credentials {
  /** A promise only where a token has to be fetched first. */
  of(target: ProviderTarget, form: CredentialForm): CredentialResult | Promise<CredentialResult>;
  /** The provider refused what `of` gave; the next request gets a fresh one where there is such a thing. */
  refused(target: ProviderTarget): void;
}

export interface CredentialsOptions {
  readonly openSecret: OpenProviderSecret;
  readonly tokens: TokenCache;
  readonly log: Logger;
}

export function createCredentials({ openSecret, tokens, log }: CredentialsOptions): Credentials {
  function compose(
    target: ProviderTarget,
    form: CredentialForm,
  ): CredentialResult | Promise<CredentialResult> {
    const { key } = target;
    switch (form) {
      case 'bearer':
        return bearer(openSecret(key));
      case 'api-key':
      case 'x-api-key':
        return ok({ name: form, value: openSecret(key) });
      case 'service-account': {
        const token = tokens.get(tokenName(target), () => openSecret(key));
        return typeof token === 'string'
          ? bearer(token)
          : token.then((got) => (got.ok ? bearer(got.value) : got));
      }
      default:
        return assertNever(form);
    }
  }

  return {
    of(target, form) {
      try {
        return compose(target, form);
      } catch (thrown) {
        log.error({ err: thrown, providerKeyId: target.key.id }, 'provider key does not open');
        return err({ kind: 'unusable' });
      }
    },
    refused(target) {
      tokens.forget(tokenName(target));
    },
  };
}

function bearer(secret: string): CredentialResult {
  return ok({ name: 'authorization', value: `Bearer ${secret}` });
}

/** A replaced secret may be another account; sealed anew, it has another nonce. */
function tokenName({ key }: ProviderTarget): string {
  return `${key.id}:${key.secret.nonce}`;
}
