import { addUsage, type Usage } from '@weir/kernel/usage';
import { createEventGate } from './event-gate.ts';
import { EventReader } from './event-reader.ts';
import type { TextKeys } from './piece-text.ts';
import { ERROR_KEY, providerErrorIn } from './provider-error.ts';
import type { Relay } from './relay.ts';

/** How one family of endpoints streams. */
export interface EventDialect {
  /** Longer events pass unseen. */
  readonly eventBytesMax: number;
  /** Is in the text of every event that may report what was consumed, since parsing all would cost too much. */
  readonly reporting: RegExp;
  /** @returns Undefined where the event reports nothing after all. */
  read(event: object): EventReport | undefined;
  /** Whether every report counts, or the last one for all. */
  readonly reports: 'add up' | 'replace each other';
  readonly textKeys: TextKeys;
}

export interface EventReport {
  readonly usage: Usage | null;
  /** An event that is nothing but a report can be dropped. */
  readonly isAlone: boolean;
  /** How many images the event finished. */
  readonly images: number;
}

export interface EventRelayOptions {
  readonly dropUsage: boolean;
}

/**
 * A usage that says something, or whose value is in the event's next line: `"usage":null` is in every event of some
 * providers. Inside a JSON text a quote is escaped, so it cannot be part of any content.
 */
export const SOME_USAGE = /"usage"[:\t ]*[{\n]/;

/**
 * Makes the relays of streamed answers. Without `dropUsage` every chunk passes at once and untouched; with it the tail of a
 * chunk that is not yet a whole event waits for the rest, because it might be the usage event that the client did not
 * ask for. What passes is read afterwards, except for what might have to be dropped.
 */
export function eventRelays(dialect: EventDialect): (options: EventRelayOptions) => Relay {
  const telling = new RegExp(`${dialect.reporting.source}|${ERROR_KEY.source}`);
  return (options) => createEventRelay(dialect, telling, options);
}

function createEventRelay(dialect: EventDialect, telling: RegExp, options: EventRelayOptions): Relay {
  let usage: Usage | null = null;
  let images = 0;
  let failure: string | null = null;

  const reader = new EventReader({
    eventBytesMax: dialect.eventBytesMax,
    textKeys: dialect.textKeys,
    telling,
    look(data, text) {
      failure ??= providerErrorIn(data, text);
      const report = dialect.reporting.test(text) ? reportIn(data, dialect) : undefined;
      if (!report) return false;
      if (report.usage)
        usage = usage && dialect.reports === 'add up' ? addUsage(usage, report.usage) : report.usage;
      images += report.images;
      return report.isAlone;
    },
  });
  const gate = options.dropUsage
    ? createEventGate(dialect.eventBytesMax, reader, dialect.reporting)
    : undefined;

  return {
    isVerbatim: !options.dropUsage,
    push(chunk, forward) {
      if (gate) return gate.push(chunk, forward);
      forward(chunk);
      reader.add(chunk);
    },
    end(forward) {
      if (gate) gate.end(forward);
      else reader.end();
    },
    usage() {
      reader.catchUp();
      return usage;
    },
    failure() {
      reader.catchUp();
      return failure;
    },
    seen() {
      const text = reader.sampledText();
      return { text, images, audioMs: 0 };
    },
  };
}

function reportIn(data: Buffer, dialect: EventDialect): EventReport | undefined {
  try {
    const event: unknown = JSON.parse(data.toString('utf8'));
    return typeof event === 'object' && event !== null ? dialect.read(event) : undefined;
  } catch {
    return undefined;
  }
}
