/**
 * The channel between a service and the launcher that forked it. Started by hand or by an orchestrator, a service has
 * none, and both functions do nothing.
 */

/** Tells the launcher that this process serves, and where. */
export function announceReady(ports: Readonly<Record<string, number>>): void {
  process.send?.({ type: 'ready', ports });
}

/** Calls `stop` when the launcher is gone, however it went, so that no service outlives it. */
export function onLauncherGone(stop: () => void): void {
  if (process.channel) process.once('disconnect', stop);
}
