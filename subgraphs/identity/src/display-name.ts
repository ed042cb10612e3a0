const LENGTH_MAX = 100;

/** A sentence about names that are refused. */
export const DISPLAY_NAME_RULE = `The name must have 1 to ${LENGTH_MAX} printable characters.`;

/** The trimmed name, or undefined when it is none. */
export function parseDisplayName(text: string, lengthMax = LENGTH_MAX): string | undefined {
  const name = text.trim();
  return name === '' || name.length > lengthMax || /\p{Cc}/u.test(name) ? undefined : name;
}
