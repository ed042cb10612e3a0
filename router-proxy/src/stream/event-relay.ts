import { addUsage, type Usage } from '@weir/kernel/usage';
import { createEventGate } from './event-gate.ts';
import type { Relay } from './relay.ts';
import { createSseParser, type SseEvent } from './sse-parser.ts';
import { bytesAsText, samplePiece } from './piece-text.ts';
import { providerErrorIn } from './provider-error.ts';
import { createTextSample } from './text-sample.ts';

/** How one family of endpoints streams. */
export interface EventDialect {
  /** Longer events pass unseen. */
  readonly eventBytesMax: number;
  /** Whether an event may report what was consumed; told from its text, since parsing all would cost too much. */
  mayReport(text: string): boolean;
  /** @returns Undefined where the event reports nothing after all. */
  read(event: object): EventReport | undefined;
  /** Whether every report counts, or the last one for all. */
  readonly reports: 'add up' | 'replace each other';
  /** The JSON keys of the texts that the model wrote, each as `"key":`. */
  readonly textKeys: readonly string[];
}

export interface EventReport {
  readonly usage: Usage | null;
  /** An event that is nothing but a report can be dropped. */
  readonly isAlone: boolean;
  /** How many images the event finished. */
  readonly images: number;
}

/** A key in an event's JSON. Inside a JSON text a quote is escaped, so it cannot be part of any content. */
const USAGE_KEY = '"usage"';

/** `"usage":null` is in every event of some providers and means nothing yet. */
export function mentionsUsage(text: string): boolean {
  const at = text.indexOf(USAGE_KEY);
  return at !== -1 && opensObject(text, at + USAGE_KEY.length);
}

/**
 * The relay of a streamed answer. Without `dropUsage` every chunk passes at once and untouched; with it the tail of a
 * chunk that is not yet a whole event waits for the rest, because it might be the usage event that the client did not
 * ask for.
 */
export function createEventRelay(dialect: EventDialect, options: { readonly dropUsage: boolean }): Relay {
  const parser = createSseParser(dialect.eventBytesMax);
  const gate = options.dropUsage ? createEventGate(dialect.eventBytesMax) : undefined;
  const sample = createTextSample();
  let usage: Usage | null = null;
  let images = 0;
  let failure: string | null = null;

  /** @returns Whether the event is nothing but a report of usage. */
  function look({ data }: SseEvent): boolean {
    if (data === null) return false;
    const text = bytesAsText(data);
    samplePiece(sample, data, text, dialect.textKeys);
    failure ??= providerErrorIn(data, text);
    const report = dialect.mayReport(text) ? reportIn(data, dialect) : undefined;
    if (!report) return false;
    if (report.usage)
      usage = usage && dialect.reports === 'add up' ? addUsage(usage, report.usage) : report.usage;
    images += report.images;
    return report.isAlone;
  }

  return {
    isVerbatim: !options.dropUsage,
    push(chunk, forward) {
      const events = parser.push(chunk);
      if (gate) return gate.push(chunk, events, look, forward);
      for (const event of events) look(event);
      forward(chunk);
    },
    end(forward) {
      gate?.end(forward);
    },
    usage: () => usage,
    failure: () => failure,
    seen: () => ({ text: sample.read(), images, audioMs: 0 }),
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

function opensObject(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x7b) return true;
    if (code !== 0x3a && code !== 0x20 && code !== 0x09) return false;
  }
  return false;
}
