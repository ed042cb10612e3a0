import type { Logger } from './logger.ts';

/** Something that was started and has to be stopped. */
export interface Resource {
  readonly name: string;
  /** @param signal Aborted when the grace is over: give up what is left and return. */
  stop(signal: AbortSignal): Promise<void> | void;
}

export interface LifecycleOptions {
  readonly log: Logger;
  /** For all resources together. */
  readonly graceMs: number;
  /** The process that signals come from; a parameter for tests. */
  readonly host?: LifecycleHost;
}

export interface LifecycleHost {
  on(event: string, listener: (argument: unknown) => void): unknown;
  exit(code: number): void;
}

export interface Lifecycle {
  /** In start order; stopping goes the other way. A resource that arrives while stopping is stopped at once. */
  add(resource: Resource): void;
  /** Stops everything once, however often it is called. True when all went well within the grace. */
  stop(): Promise<boolean>;
  /** Ties the process to it: call once, in main, before starting anything. */
  onSignals(): void;
}

/** After a crash less is worth waiting for. */
const CRASH_GRACE_MS = 5_000;
/** What a resource gets when its turn comes after the grace: enough to close a socket, not to finish work. */
const LAST_WORD_MS = 100;

export function createLifecycle({ log, graceMs, host = process }: LifecycleOptions): Lifecycle {
  const resources: Resource[] = [];
  let stopping: Promise<boolean> | undefined;
  let deadline: AbortSignal | undefined;

  async function stopAll(signal: AbortSignal): Promise<boolean> {
    let clean = true;
    for (let resource = resources.pop(); resource; resource = resources.pop()) {
      clean = (await stopOne(resource, signal, log)) && clean;
    }
    return clean;
  }

  function stop(withinMs = graceMs): Promise<boolean> {
    if (!stopping) {
      const grace = new AbortController();
      deadline = grace.signal;
      // Not AbortSignal.timeout, whose timer would not keep a process alive that has nothing left but a stuck stop.
      const timer = setTimeout(() => {
        grace.abort();
      }, withinMs);
      stopping = stopAll(deadline).finally(() => {
        clearTimeout(timer);
      });
    }
    return stopping;
  }

  function onSignal(signal: unknown): void {
    if (stopping) {
      log.warn({ signal }, 'second signal: leaving at once');
      host.exit(1);
      return;
    }
    log.info({ signal, graceMs }, 'stopping');
    void stop().then((clean) => {
      log.info({ clean }, 'stopped');
      host.exit(clean ? 0 : 1);
    });
  }

  function onCrash(origin: string, thrown: unknown): void {
    log.fatal({ err: thrown, origin }, 'broken promise: stopping');
    if (stopping) {
      host.exit(1);
      return;
    }
    void stop(Math.min(graceMs, CRASH_GRACE_MS)).then(() => {
      host.exit(1);
    });
  }

  return {
    add(resource) {
      if (stopping && deadline) void stopOne(resource, deadline, log);
      else resources.push(resource);
    },
    stop: () => stop(),
    onSignals() {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) host.on(signal, onSignal);
      host.on('uncaughtException', (thrown) => {
        onCrash('uncaughtException', thrown);
      });
      host.on('unhandledRejection', (thrown) => {
        onCrash('unhandledRejection', thrown);
      });
    },
  };
}

async function stopOne(resource: Resource, signal: AbortSignal, log: Logger): Promise<boolean> {
  const { promise: expired, resolve: expire } = Promise.withResolvers<'expired'>();
  let lastWord: NodeJS.Timeout | undefined;
  const onDeadline = (): void => {
    lastWord = setTimeout(expire, LAST_WORD_MS, 'expired');
  };
  if (signal.aborted) onDeadline();
  else signal.addEventListener('abort', onDeadline, { once: true });
  try {
    const outcome = await Promise.race([Promise.resolve(resource.stop(signal)), expired]);
    if (outcome === 'expired') log.warn({ resource: resource.name }, 'did not stop within the grace');
    return outcome !== 'expired' && !signal.aborted;
  } catch (thrown) {
    log.error({ err: thrown, resource: resource.name }, 'failed to stop');
    return false;
  } finally {
    signal.removeEventListener('abort', onDeadline);
    clearTimeout(lastWord);
  }
}
