import { userError } from '@weir/graphql/user-errors';
import type { OutboundGuard } from '@weir/service/outbound-guard';
import type { ProviderKeyProblem } from './provider-key-rules.ts';

const LENGTH_MAX = 2_048;

/** Whether the addresses that a key leads to may be called: its base URL, and one that its secret names. */
export async function checkAddress(
  guard: OutboundGuard,
  baseUrl: string,
  tokenUrl: string | null,
): Promise<ProviderKeyProblem[]> {
  const problems: ProviderKeyProblem[] = [];
  if (baseUrl === '' || baseUrl.length > LENGTH_MAX) {
    const message = `Give the base URL of the resource, at most ${LENGTH_MAX} characters.`;
    problems.push(userError('INVALID_BASE_URL', message, 'baseUrl'));
  } else {
    const checked = await guard.check(baseUrl);
    if (!checked.ok) problems.push(userError('INVALID_BASE_URL', checked.error, 'baseUrl'));
  }
  if (tokenUrl !== null && !(await guard.check(tokenUrl)).ok) {
    const message = 'The token_uri in the key file must be an https:// address that is public.';
    problems.push(userError('INVALID_SECRET', message, 'secret'));
  }
  return problems;
}
