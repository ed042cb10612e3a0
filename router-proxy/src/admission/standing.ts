import { AppError } from '@weir/kernel/errors';
import type { Policy } from '../keys/policy.ts';

/**
 * Steps 3 and 4: the key is active and not expired; the organization and every account above it are active.
 * Also asked again for running streams whenever the policy changed.
 */
export function standingProblem(policy: Policy, nowMs: number): AppError | null {
  const { key, organization, accounts } = policy.snapshot;
  if (key.status === 'REVOKED') {
    return new AppError('API_KEY_REVOKED', 'This API key has been revoked. Use another one.');
  }
  if (key.status === 'SUSPENDED') {
    return new AppError('ACCOUNT_SUSPENDED', 'The member whose API key this is, is suspended.');
  }
  if (key.expiresAtMs !== null && nowMs >= key.expiresAtMs) {
    return new AppError(
      'API_KEY_EXPIRED',
      `This API key expired at ${instant(key.expiresAtMs)}. Create a new one.`,
    );
  }
  if (organization.status === 'SUSPENDED' || organization.status === 'CLOSED') {
    const state = organization.status === 'CLOSED' ? 'closed' : 'suspended';
    return new AppError('ACCOUNT_SUSPENDED', `The organization of this API key is ${state}.`);
  }
  const suspended = accounts.find(({ status }) => status !== 'ACTIVE');
  if (suspended) {
    return new AppError('ACCOUNT_SUSPENDED', `The account "${suspended.name}" of this API key is suspended.`);
  }
  return null;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
