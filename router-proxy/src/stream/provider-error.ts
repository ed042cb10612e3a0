/**
 * What a provider calls a failure that it reports within its answer (`overloaded_error`, `server_error`), fit for a
 * ledger: nothing but its own short name, never its sentence.
 */
export function errorNameIn(event: object): string | null {
  if (!('error' in event) || typeof event.error !== 'object' || event.error === null) return null;
  const { error } = event;
  const names: readonly unknown[] = [
    'type' in error ? error.type : null,
    'code' in error ? error.code : null,
  ];
  return names.filter((name) => typeof name === 'string').find((name) => SHORT_NAME.test(name)) ?? 'error';
}

/** A key in an event's JSON. Inside a JSON text a quote is escaped, so it cannot be part of any content. */
export const ERROR_KEY = /"error"/;

/**
 * The same for an event in OpenAI's form, which is an error because it has one.
 * @param text The event as `bytesAsText` gives it.
 */
export function providerErrorIn(data: Buffer, text: string): string | null {
  if (!ERROR_KEY.test(text)) return null;
  try {
    const event: unknown = JSON.parse(data.toString('utf8'));
    return typeof event === 'object' && event !== null ? errorNameIn(event) : null;
  } catch {
    return null;
  }
}

const SHORT_NAME = /^[A-Za-z][A-Za-z0-9_]{0,39}$/;
