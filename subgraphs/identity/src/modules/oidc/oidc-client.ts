import * as openid from 'openid-client';
import { Agent, fetch } from 'undici';
import type { Clock } from '@weir/kernel/clock';
import { createOutboundConnector } from '@weir/service/outbound-connector';
import type { OutboundGuard } from '@weir/service/outbound-guard';
import type { OidcProvider } from './oidc-provider.ts';

/** Where a provider's answers come from, as far as it has told. */
export type OidcConfiguration = openid.Configuration;

export interface OidcClients {
  /**
   * What the provider says of itself, believed for ten minutes.
   * @throws whatever keeps it from answering properly: it is not there, is not the issuer, or is where nobody may call.
   */
  configurationOf(provider: OidcProvider, clientSecret: string): Promise<OidcConfiguration>;
  close(): Promise<void>;
}

export interface OidcClientsDeps {
  readonly guard: OutboundGuard;
  readonly clock: Clock;
}

const TIMEOUT_SECONDS = 5;
const CONNECT_TIMEOUT_MS = 3_000;
const RESPONSE_BYTES_MAX = 256 * 1_024;
const BELIEVED_MS = 10 * 60_000;
const CONFIGURATIONS_MAX = 500;

export function createOidcClients({ guard, clock }: OidcClientsDeps): OidcClients {
  const dispatcher = new Agent({
    connect: createOutboundConnector(guard, CONNECT_TIMEOUT_MS),
    maxResponseSize: RESPONSE_BYTES_MAX,
    headersTimeout: TIMEOUT_SECONDS * 1_000,
    bodyTimeout: TIMEOUT_SECONDS * 1_000,
  });
  const known = new Map<
    string,
    { readonly untilMs: number; readonly configuration: Promise<OidcConfiguration> }
  >();

  /** Only where the guard lets it, and nowhere else that an answer points to. */
  const guardedFetch: openid.CustomFetch = async (url, { body, ...options }) => {
    const response = await fetch(url, {
      method: options.method,
      headers: options.headers,
      body: body instanceof URLSearchParams ? body.toString() : null,
      redirect: 'manual',
      signal: options.signal ?? null,
      dispatcher,
    });
    const { status, statusText, headers } = response;
    return new Response(await response.arrayBuffer(), { status, statusText, headers: [...headers] });
  };

  async function discover(provider: OidcProvider, clientSecret: string): Promise<OidcConfiguration> {
    const issuer = new URL(provider.issuer);
    return openid.discovery(
      issuer,
      provider.clientId,
      { client_secret: clientSecret },
      openid.ClientSecretBasic(clientSecret),
      {
        [openid.customFetch]: guardedFetch,
        timeout: TIMEOUT_SECONDS,
        execute: [
          openid.enableNonRepudiationChecks,
          // The guard lets plain HTTP into the operator's own networks only.
          ...(issuer.protocol === 'http:' ? [openid.allowInsecureRequests] : []),
        ],
      },
    );
  }

  return {
    async configurationOf(provider, clientSecret) {
      const key = `${provider.id} ${provider.updatedAt.getTime()}`;
      const found = known.get(key);
      if (found && clock.now() < found.untilMs) return found.configuration;
      const configuration = discover(provider, clientSecret);
      known.delete(key);
      known.set(key, { untilMs: clock.now() + BELIEVED_MS, configuration });
      const [oldest] = known.keys();
      if (known.size > CONFIGURATIONS_MAX && oldest !== undefined) known.delete(oldest);
      // A failure says nothing about the next attempt.
      configuration.catch(() => known.delete(key));
      return configuration;
    },
    close: () => dispatcher.close(),
  };
}
