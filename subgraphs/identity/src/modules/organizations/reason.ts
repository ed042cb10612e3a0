const LENGTH_MAX = 500;

/** A reason for the records: trimmed, or undefined when it is empty or longer than 500 characters. */
export function parseReason(text: string, lengthMin = 1): string | undefined {
  const reason = text.trim();
  const fits = reason.length >= lengthMin && reason.length <= LENGTH_MAX;
  return fits && !/[^\P{Cc}\n\t]/u.test(reason) ? reason : undefined;
}
