/** DATABASE_URL, which the command cannot do without. */
export function databaseUrl(): string {
  const url = optionalDatabaseUrl();
  if (url !== undefined) return url;
  process.stderr.write('Set DATABASE_URL, for example postgres://weir:password@127.0.0.1:5432/weir\n');
  process.exit(1);
}

/** An empty value counts as none. */
export function optionalDatabaseUrl(): string | undefined {
  const url = process.env['DATABASE_URL'];
  return url === undefined || url === '' ? undefined : url;
}
