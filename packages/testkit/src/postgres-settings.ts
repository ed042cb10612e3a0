/** How the global setup tells the test processes where things are: they inherit its environment. */
export const TEST_SETTINGS = {
  /** The login and maintenance database of the server. */
  postgresUrl: 'WEIR_TESTKIT_POSTGRES_URL',
  /** The migrated database that every test database is cloned from. */
  postgresTemplate: 'WEIR_TESTKIT_POSTGRES_TEMPLATE',
} as const;

export function requireSetting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(
      `${name} is not set: integration tests run under vitest's project "integration" or "e2e"`,
    );
  }
  return value;
}
