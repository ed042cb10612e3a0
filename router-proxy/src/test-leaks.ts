import { expect } from 'vitest';
import { PROVIDER_SECRET, type TestProxy } from './test-proxy.ts';

/** Every byte that left the proxy, by where it went. */
export interface Outflow {
  readonly toClients: Buffer;
  readonly toProviders: Buffer;
  readonly toLog: string;
}

/** No credential may be where it does not belong: ours with a provider, the provider's with a client, any in the log. */
export function expectNoLeak(proxy: TestProxy, apiKeys: readonly string[], outflow: Outflow): void {
  const masterKey = proxy.environment['WEIR_MASTER_KEY'] ?? '';
  const masterBytes = Buffer.from(masterKey, 'base64').toString('latin1');
  const texts = {
    clients: outflow.toClients.toString('latin1'),
    providers: outflow.toProviders.toString('latin1'),
    log: outflow.toLog,
  };
  const forbidden: readonly (readonly [keyof typeof texts, string, readonly string[]])[] = [
    ['clients', 'the secret of the provider', [PROVIDER_SECRET]],
    ['providers', 'an API key of ours', apiKeys],
    ['log', 'a credential', [PROVIDER_SECRET, ...apiKeys]],
  ];
  const found = forbidden.flatMap(([where, what, secrets]) =>
    secrets.filter((secret) => texts[where].includes(secret)).map(() => `${what} in what went to ${where}`),
  );
  for (const [where, text] of Object.entries(texts)) {
    if ([masterKey, masterBytes].some((secret) => text.includes(secret)))
      found.push(`the master key in what went to ${where}`);
  }
  expect(found).toEqual([]);
}
