import type { AttemptDimensions } from '@weir/contracts/attempt-record';
import type { Uuid } from '@weir/kernel/ids';

/** What most attempts of one key have in common with the attempt before. */
export type SharedDimensions = Pick<
  AttemptDimensions,
  | 'organizationId'
  | 'accountPath'
  | 'apiKeyId'
  | 'modelRequested'
  | 'modelEffective'
  | 'provider'
  | 'providerKeyId'
  | 'decision'
  | 'endpoint'
  | 'stream'
  | 'priceId'
>;

interface Remembered {
  readonly of: SharedDimensions;
  readonly text: string;
}

/**
 * Writing a record means writing eleven members that seldom change, so their text is kept until one of them does: the
 * last one of each policy, whose attempts share one account path, for as long as there is that path.
 */
export function rememberShared(
  write: (shared: SharedDimensions) => string,
): (of: SharedDimensions) => string {
  const remembered = new WeakMap<readonly Uuid[], Remembered>();
  return (of) => {
    const last = remembered.get(of.accountPath);
    if (last && isSame(last.of, of)) return last.text;
    const text = write(of);
    remembered.set(of.accountPath, { of, text });
    return text;
  };
}

function isSame(one: SharedDimensions, other: SharedDimensions): boolean {
  return (
    one.organizationId === other.organizationId &&
    one.accountPath === other.accountPath &&
    one.apiKeyId === other.apiKeyId &&
    one.modelRequested === other.modelRequested &&
    one.modelEffective === other.modelEffective &&
    one.provider === other.provider &&
    one.providerKeyId === other.providerKeyId &&
    one.decision === other.decision &&
    one.endpoint === other.endpoint &&
    one.stream === other.stream &&
    one.priceId === other.priceId
  );
}
