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

const SHORT_NAME = /^[A-Za-z][A-Za-z0-9_]{0,39}$/;
