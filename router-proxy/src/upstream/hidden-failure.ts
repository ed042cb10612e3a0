import type { Failure } from './failure.ts';

/** Statuses by which some providers tell a failure of the key, although others tell a mistake of the client by them. */
export function mayHideFailure(status: number): boolean {
  return status === 400 || status === 404;
}

/**
 * Whether an answer that looks like the client's mistake is the provider's: another key might do better then, and the
 * text speaks of an account that is none of the client's business.
 *
 * Clients can make a provider repeat their own words, so only codes and beginnings of sentences count.
 * @param body The whole answer.
 */
export function hiddenFailure(status: number, body: string): Failure | null {
  const error = errorIn(body);
  if (!error) return null;
  if (status === 400) return saysNothingIsLeft(error) ? { kind: 'quota', status } : null;
  return saysKeyLacksModel(error) ? { kind: 'broken', status } : null;
}

type ProviderError = Readonly<Record<string, unknown>>;

/** Anthropic's sentences, and OpenAI's code for the same. */
function saysNothingIsLeft({ message, code }: ProviderError): boolean {
  if (code === 'billing_hard_limit_reached') return true;
  return (
    typeof message === 'string' &&
    (message.startsWith('Your credit balance is too low') ||
      message.startsWith('You have reached your specified'))
  );
}

/** Azure's code for a deployment, and Google's for a model, that the key's resource does not have. */
function saysKeyLacksModel({ message, code, status }: ProviderError): boolean {
  if (code === 'DeploymentNotFound') return true;
  return status === 'NOT_FOUND' && typeof message === 'string' && message.startsWith('Publisher Model');
}

/** Google wraps its errors in a list where it speaks OpenAI's API. */
function errorIn(body: string): ProviderError | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    const first: unknown = Array.isArray(answer) ? answer[0] : answer;
    const error = isRecord(first) ? first['error'] : undefined;
    return isRecord(error) ? error : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is ProviderError {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
