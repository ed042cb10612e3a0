/**
 * The channel between a service and the launcher that forked it. Started by hand or by an orchestrator, a service has
 * none, and both functions do nothing.
 */

/** Tells the launcher that this process serves. */
export function announceReady(): void {
  process.send?.({ type: 'ready' });
}

/** Calls `stop` when the launcher is gone, however it went, so that no service outlives it. */
export function onLauncherGone(stop: () => void): void {
  if (process.channel) process.once('disconnect', stop);
}
