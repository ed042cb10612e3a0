import { parseDisplayName } from '../../display-name.ts';

const NAME_LENGTH_MAX = 120;

/** A sentence about names that are refused. */
export const ORGANIZATION_NAME_RULE = `The name must have 1 to ${NAME_LENGTH_MAX} printable characters.`;

/** The trimmed name, or undefined when it is none. */
export function parseOrganizationName(text: string): string | undefined {
  return parseDisplayName(text, NAME_LENGTH_MAX);
}
