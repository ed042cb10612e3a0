import { AppError } from '@weir/kernel/errors';
import { allowsPath } from '@weir/kernel/resource-path';
import type { AccessNode, Policy } from '../keys/policy.ts';

export type Scope = 'inference:read' | 'inference:write' | 'admin';

export interface Caller {
  /** The path as it was called, without a query. */
  readonly path: string;
  /** The endpoint's own name for it; a list may allow either. */
  readonly canonicalPath: string;
  readonly scope: Scope;
  /** Only asked for where a list restricts addresses. */
  address(): string;
}

/** Steps 5 and 6. Every node of the chain has to agree: each may narrow, none may widen. */
export function accessProblem(policy: Policy, caller: Caller): AppError | null {
  for (const { allowIps } of policy.access) {
    if (!allowIps) continue;
    const address = caller.address();
    if (!allowIps.includes(address)) {
      return new AppError(
        'IP_NOT_ALLOWED',
        `The address ${address} is not in the list that this API key is bound to.`,
      );
    }
  }
  if (!policy.access.every((node) => allows(node, caller))) {
    return new AppError('PATH_NOT_ALLOWED', `This API key may not call ${caller.canonicalPath}.`);
  }
  if (!policy.snapshot.key.scopes.includes(caller.scope)) {
    return new AppError('INSUFFICIENT_SCOPE', `This API key lacks the scope ${caller.scope}.`);
  }
  return null;
}

function allows({ resources }: AccessNode, { path, canonicalPath }: Caller): boolean {
  if (!resources) return true;
  return resources.some((entry) => allowsPath(entry, path) || allowsPath(entry, canonicalPath));
}
