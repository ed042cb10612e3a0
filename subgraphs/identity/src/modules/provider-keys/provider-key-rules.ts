import { providerConfigSchema, type ProviderKind } from '@weir/contracts/provider-config';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import { isLevel, LEVEL_MAX } from '@weir/kernel/routing-rules';
import type { ProviderKeyErrorCode } from '../../generated/resolvers-types.ts';

export type ProviderKeyProblem = UserErrorValue<ProviderKeyErrorCode>;
export type ProviderConfig = Readonly<Record<string, unknown>>;

const NAME_LENGTH_MAX = 100;
const REASON_LENGTH_MAX = 200;
const WEIGHT_MAX = 1_000;

/** The members that people choose; absent ones are not checked. */
export interface ProviderKeySettings {
  readonly name?: string | undefined;
  readonly level?: number | undefined;
  readonly weight?: number | undefined;
}

/** Everything that the settings break, each with its member. */
export function problemsOfSettings({ name, level, weight }: ProviderKeySettings): ProviderKeyProblem[] {
  const problems: ProviderKeyProblem[] = [];
  if (name !== undefined && !isPrintable(name, NAME_LENGTH_MAX)) {
    problems.push(
      userError('INVALID_NAME', `The name must have 1 to ${NAME_LENGTH_MAX} printable characters.`, 'name'),
    );
  }
  if (level !== undefined && !isLevel(level)) {
    problems.push(userError('INVALID_LEVEL', `The Level must be 0 to ${LEVEL_MAX}.`, 'level'));
  }
  if (weight !== undefined && (weight < 0 || weight > WEIGHT_MAX)) {
    problems.push(userError('INVALID_WEIGHT', `The weight must be 0 to ${WEIGHT_MAX}.`, 'weight'));
  }
  return problems;
}

export function problemsOfReason(reason: string | null): ProviderKeyProblem[] {
  if (reason === null || isPrintable(reason, REASON_LENGTH_MAX)) return [];
  const message = `The reason must have 1 to ${REASON_LENGTH_MAX} printable characters.`;
  return [userError('INVALID_REASON', message, 'reason')];
}

function isPrintable(text: string, lengthMax: number): boolean {
  const length = text.trim().length;
  return length >= 1 && length <= lengthMax && !/\p{Cc}/u.test(text);
}

/** As it is stored: with every default, so that proxies read what was shown. */
export function checkConfig(
  provider: ProviderKind,
  given: ProviderConfig,
): Result<ProviderConfig, readonly ProviderKeyProblem[]> {
  const parsed = providerConfigSchema[provider].safeParse(given);
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.map((issue) =>
      userError('INVALID_CONFIG', `${issue.path.join('.')}: ${issue.message}.`, 'config', provider),
    ),
  );
}

/** Whether a secret that was given for one address may be sent to another without being given again. */
export function isSameOrigin(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).origin === new URL(other).origin;
}
