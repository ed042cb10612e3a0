import { buildConnector } from 'undici';
import type { OutboundGuard } from './outbound-guard.ts';

/** Makes the connections of an undici client or pool; each goes only where the guard lets it. */
export function createOutboundConnector(guard: OutboundGuard, timeoutMs: number): buildConnector.connector {
  const build = (isSecure: boolean) => buildConnector({ timeout: timeoutMs, lookup: guard.lookup(isSecure) });
  const [secure, plain] = [build(true), build(false)];
  return (options, callback) => {
    const isSecure = options.protocol === 'https:';
    // The resolver is not asked about an address, so it has to be looked at here.
    const refusal = guard.refusal(options.hostname, isSecure);
    if (refusal) process.nextTick(callback, refusal, null);
    else (isSecure ? secure : plain)(options, callback);
  };
}
