import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';

/** The client's address as Fastify finds it for requests over HTTP, for upgrades that Fastify never sees. */
export function clientAddress(
  trustedProxies: readonly string[],
): (request: IncomingMessage) => string | undefined {
  const trust = proxyAddr.compile([...trustedProxies]);
  return (request) => proxyAddr(request, trust);
}
