import {
  destination,
  pino,
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Logger as PinoLogger,
} from 'pino';
import { redactRecord, redactText } from './redaction.ts';

/** JSON lines: object first, constant message. Secrets and prompts never appear; bigints are strings. */
export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly service: string;
  readonly level: string;
  /**
   * Writes in blocks instead of line by line, for a process whose requests must not wait for its log. At most 200 ms
   * are lost to a kill; beyond 8 MiB of backlog (a stalled reader) lines are dropped.
   */
  readonly buffered?: boolean;
  /** Where lines go; standard output by default. */
  readonly destination?: DestinationStream;
}

export function createLogger(options: LoggerOptions): Logger {
  const log = pino(
    {
      level: options.level,
      base: { service: options.service },
      messageKey: 'msg',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (record) => redactRecord(record),
      },
      hooks: { streamWrite: redactText },
    },
    options.destination ?? destination(standardOutput(options.buffered === true)),
  );
  return redactBindings(log);
}

/** Pino hands a child's bindings to no formatter; children inherit these methods from their parent. */
function redactBindings(log: Logger): Logger {
  // Both are only ever called with a logger as `this`.
  const child: (this: Logger, bindings: Bindings, options?: ChildLoggerOptions) => Logger = log.child;
  const setBindings: (this: Logger, bindings: Bindings) => void = log.setBindings;
  return Object.assign(log, {
    child(this: Logger, bindings: Bindings, options?: ChildLoggerOptions) {
      return child.call(this, redactRecord(bindings), options);
    },
    setBindings(this: Logger, bindings: Bindings) {
      setBindings.call(this, redactRecord(bindings));
    },
  });
}

function standardOutput(buffered: boolean) {
  return buffered
    ? { dest: 1, sync: false, minLength: 4_096, maxLength: 8 * 1024 * 1024, periodicFlush: 200 }
    : { dest: 1, sync: true };
}
