import type { Uuid } from '@weir/kernel/ids';
import { mailBinding } from '../modules/mail/letter.ts';
import { oidcSecretBinding } from '../modules/oidc/oidc-provider.ts';
import { ownerKeyBinding } from '../modules/provider-keys/provider-key.ts';
import { totpBinding } from '../modules/second-factors/second-factors.ts';
import { signingKeyBinding } from '../modules/sessions/signing-keys.ts';

/** A table whose rows are sealed with the master key, and how its secrets are read, bound and written. */
export interface SealedTable {
  readonly name: string;
  /** Locks the rows that follow `$1` in the order of ids, at most `$2`, and answers `id, ciphertext, nonce, version`. */
  readonly select: string;
  /** Writes `$2` (ciphertext) and `$3` (nonce) to the row `$1`. */
  readonly update: string;
  binding(id: Uuid, version: number): string;
}

/** Everything that the master key seals. Provider secrets and signing secrets are sealed with their owner's key instead. */
export const SEALED_TABLES: readonly SealedTable[] = [
  {
    name: 'owner keys',
    select: `select owner_id as id, ciphertext, nonce, version from identity.owner_keys
             where owner_id > $1 order by owner_id limit $2 for update`,
    update: `update identity.owner_keys set ciphertext = $2, nonce = $3, updated_at = now() where owner_id = $1`,
    binding: ownerKeyBinding,
  },
  {
    name: 'signing keys',
    select: `select id, sealed_private ->> 'ciphertext' as ciphertext, sealed_private ->> 'nonce' as nonce,
                    (sealed_private ->> 'version')::int as version
             from identity.signing_keys where id > $1 order by id limit $2 for update`,
    update: `update identity.signing_keys
             set sealed_private = sealed_private || jsonb_build_object('ciphertext', $2::text, 'nonce', $3::text)
             where id = $1`,
    binding: signingKeyBinding,
  },
  {
    name: 'mails',
    select: `select id, ciphertext, nonce, 1 as version from identity.mail_outbox
             where id > $1 and ciphertext is not null order by id limit $2 for update`,
    update: `update identity.mail_outbox set ciphertext = $2, nonce = $3 where id = $1`,
    binding: mailBinding,
  },
  {
    name: 'OpenID providers',
    select: `select id, ciphertext, nonce, secret_version as version from identity.oidc_providers
             where id > $1 order by id limit $2 for update`,
    update: `update identity.oidc_providers set ciphertext = $2, nonce = $3 where id = $1`,
    binding: oidcSecretBinding,
  },
  {
    name: 'authenticator apps',
    select: `select user_id as id, ciphertext, nonce, version from identity.totp_factors
             where user_id > $1 order by user_id limit $2 for update`,
    update: `update identity.totp_factors set ciphertext = $2, nonce = $3 where user_id = $1`,
    binding: totpBinding,
  },
];
