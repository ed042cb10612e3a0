import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '@weir/kernel/errors';
import { isWellFormedVirtualKey } from '@weir/kernel/virtual-key';
import { apiKeyOf } from '../http/api-key-header.ts';
import type { PolicyCache } from './policy-cache.ts';
import type { Policy } from './policy.ts';

export type Authenticate = (headers: IncomingHttpHeaders) => Policy | Promise<Policy>;

/**
 * Step 3, first half: from the key in the headers to the policy of its owner. The key itself is forgotten at once.
 * @throws AppError MISSING_API_KEY, INVALID_API_KEY, DEPENDENCY_UNAVAILABLE
 */
export function createAuthenticate(policies: PolicyCache): Authenticate {
  return (headers) => {
    const secret = apiKeyOf(headers);
    if (secret === undefined) {
      throw new AppError(
        'MISSING_API_KEY',
        'Send your API key as "X-API-Key: …" or "Authorization: Bearer …".',
      );
    }
    const keyHash = hash('sha256', secret, 'hex');
    const kept = policies.kept(keyHash);
    if (kept) return kept;
    // A mistyped key fails its own checksum, so nobody has to be asked about it.
    if (!isWellFormedVirtualKey(secret)) throw invalid();
    const found = policies.get(keyHash);
    return found instanceof Promise ? found.then(known) : known(found);
  };
}

function known(policy: Policy | null): Policy {
  if (!policy) throw invalid();
  return policy;
}

function invalid(): AppError {
  return new AppError('INVALID_API_KEY', 'This API key is not known. Check that it was copied whole.');
}
