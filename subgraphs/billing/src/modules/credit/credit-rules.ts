import { MAX_COUNTER_NANO_USD, parseUsd } from '@weir/kernel/money';

export type CreditErrorCode =
  'INVALID_AMOUNT' | 'INVALID_VALIDITY' | 'INVALID_REFERENCE' | 'ACCOUNT_NOT_FOUND' | 'TOO_MANY_LOTS';

export interface CreditProblem {
  readonly code: CreditErrorCode;
  readonly message: string;
  /** Path into the mutation's input. */
  readonly field: readonly string[] | null;
}

export interface GrantTerms {
  readonly amount: string;
  readonly validDays: number;
  readonly reference: string;
}

const VALID_DAYS_MAX = 3_650;
const REFERENCE_CHARACTERS_MAX = 200;

export const problem = (code: CreditErrorCode, message: string, member: string): CreditProblem => ({
  code,
  message,
  field: [member],
});

/** Answers every problem at once, or what is to be granted in nano-USD. */
export function checkGrant({ amount, validDays, reference }: GrantTerms): {
  readonly problems: readonly CreditProblem[];
  readonly amountNano: bigint;
} {
  const problems: CreditProblem[] = [];
  const amountNano = parseUsd(amount) ?? 0n;
  if (amountNano <= 0n || amountNano > MAX_COUNTER_NANO_USD) {
    const message =
      'The amount must be US dollars above zero with at most nine decimals, up to 9007199.254740991.';
    problems.push(problem('INVALID_AMOUNT', message, 'amount'));
  }
  if (!Number.isInteger(validDays) || validDays < 1 || validDays > VALID_DAYS_MAX) {
    const message = `Credit is valid for 1 to ${VALID_DAYS_MAX} days.`;
    problems.push(problem('INVALID_VALIDITY', message, 'validDays'));
  }
  const { length } = reference.trim();
  if (length < 1 || length > REFERENCE_CHARACTERS_MAX) {
    const message = `The reference must have 1 to ${REFERENCE_CHARACTERS_MAX} characters.`;
    problems.push(problem('INVALID_REFERENCE', message, 'reference'));
  }
  return { problems, amountNano };
}
