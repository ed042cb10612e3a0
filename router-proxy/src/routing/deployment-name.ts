import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { ProviderTarget } from '../upstream/provider-target.ts';

/** One secret of one provider key, asked for one model. */
export interface DeploymentParts {
  readonly keyId: Uuid;
  readonly secretVersion: number;
  readonly model: string;
}

/** A replaced secret is another deployment: what was held against the old one does not count. */
export function deploymentName({ key }: ProviderTarget, upstreamModel: string): string {
  return `${key.id}:${key.secret.version}|${upstreamModel}`;
}

/** Undefined where it is no name of ours: what is shared with other versions of the proxy may hold others. */
export function deploymentParts(name: string): DeploymentParts | undefined {
  const [, keyId = '', version = '', model = ''] = /^([0-9a-f-]{36}):(\d+)\|(.*)$/s.exec(name) ?? [];
  return model === '' ? undefined : { keyId: parseUuid(keyId), secretVersion: Number(version), model };
}
