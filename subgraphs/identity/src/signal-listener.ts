import { createListener } from '@weir/service/listener';
import type { Waker } from '@weir/service/waker';
import type { Config } from './config.ts';
import type { ExpiryFeed } from './modules/api-keys/expiry-feed.ts';
import { startExpiryNotices, type ExpiryNoticesDeps } from './modules/api-keys/expiry-notices.ts';
import type { SigningKeyRing } from './modules/sessions/signing-keys.ts';
import type { SessionSignals } from './session-signals.ts';

/** Gateways rely on hearing of ended sessions; a connection that died unnoticed must not last. */
const PROBE_MS = 400;

/** Tells which keys are about to expire, and hears what other processes tell. Returns what stops both. */
export function startSignals(
  config: Config,
  feed: ExpiryFeed,
  signals: SessionSignals,
  keys: SigningKeyRing,
  mailWaker: Waker,
  deps: ExpiryNoticesDeps,
): () => Promise<void> {
  const reloadKeys = async (): Promise<void> => {
    await keys.reload().catch((err: unknown) => deps.log.warn({ err }, 'signing keys were not read'));
  };
  const listener = createListener({
    url: config.databaseUrl,
    role: 'weir_identity',
    applicationName: 'weir-identity-listener',
    log: deps.log,
    on: {
      expiry: (signal) => void feed.onExpiry(signal),
      session(signal) {
        feed.onSession(signal);
        signals.onSession(signal);
      },
      config: () => void reloadKeys(),
      mail: () => mailWaker.wake(),
    },
    async onConnected() {
      await Promise.all([feed.onConnected(), keys.reload()]);
      signals.onConnected();
      mailWaker.wake();
    },
    onDisconnected() {
      feed.onDisconnected();
      signals.onDisconnected();
    },
    probeMs: PROBE_MS,
  });
  const stopNotices = startExpiryNotices(deps);
  return async () => {
    stopNotices();
    await listener.stop();
  };
}
