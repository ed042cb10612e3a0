import { z } from 'zod';
import { parseCidr, type Cidr } from '@weir/kernel/cidr';

/**
 * Fields of configuration schemas. Each reads the text of one variable; make it optional with `.optional()` or
 * `.default(value)`. Messages complete a sentence that starts with the variable's name and never repeat its value.
 */
interface TextRule<T> {
  readonly mustBe: string;
  /** Undefined when the text does not fit. */
  parse(text: string): T | undefined;
}

function field<T>(rule: TextRule<T>) {
  return z
    .string({
      error: (issue) => (issue.input === undefined ? `is not set: it must be ${rule.mustBe}` : undefined),
    })
    .transform((text, ctx): T => {
      const value = rule.parse(text.trim());
      if (value !== undefined) return value;
      ctx.issues.push({ code: 'custom', message: `must be ${rule.mustBe}`, input: undefined });
      return z.NEVER;
    });
}

export function textField(mustBe: string) {
  return field({ mustBe, parse: (text) => text });
}

export function integerField(min: number, max: number, unit = '') {
  const mustBe = `a whole number${unit === '' ? '' : ` of ${unit}`} from ${min} to ${max}`;
  return field({
    mustBe,
    parse: (text) => {
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  });
}

/** A TCP port; 0 lets the system choose a free one. */
export function portField() {
  return field({
    mustBe: 'a port from 1 to 65535, or 0 for any free one',
    parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
  });
}

/** @param schemes Without the colon, for example `['postgres', 'postgresql']`. */
export function urlField(schemes: readonly string[]) {
  return field({
    mustBe: `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    parse: (text) =>
      URL.canParse(text) && schemes.some((scheme) => text.startsWith(`${scheme}://`)) ? text : undefined,
  });
}

export function secretField(lengthMin: number) {
  return field({
    mustBe: `a secret of at least ${lengthMin} characters, for example from: openssl rand -base64 ${lengthMin}`,
    parse: (text) => (text.length >= lengthMin ? text : undefined),
  });
}

/** A key of exactly so many bytes, in base64 (either alphabet, padding optional). */
export function base64KeyField(byteCount: number) {
  return field({
    mustBe: `${byteCount} random bytes in base64, for example from: openssl rand -base64 ${byteCount}`,
    parse: (text) => {
      if (!/^[\w+/-]+={0,2}$/.test(text)) return undefined;
      const key = Buffer.from(text, 'base64');
      return key.length === byteCount ? key : undefined;
    },
  });
}

/** Several such keys, separated by commas or spaces. */
export function base64KeysField(byteCount: number) {
  const one = base64KeyField(byteCount);
  return field({
    mustBe: `keys of ${byteCount} random bytes in base64, separated by commas`,
    parse: (text): readonly Buffer[] | undefined => {
      const keys = text
        .split(/[\s,]+/)
        .filter((entry) => entry !== '')
        .map((entry) => one.safeParse(entry));
      return keys.every((key) => key.success) ? keys.map((key) => key.data) : undefined;
    },
  });
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A length of time such as `250ms`, `30s`, `5m`, `24h` or `7d`; milliseconds. */
export function durationField(minMs: number, maxMs: number) {
  return field({
    mustBe: `a length of time such as 250ms, 30s, 5m, 24h or 7d, from ${minMs}ms to ${maxMs}ms`,
    parse: (text) => {
      const match = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
      const valueMs = match ? Number(match[1]) * (DURATION_UNITS[match[2] ?? ''] ?? Number.NaN) : Number.NaN;
      return valueMs >= minMs && valueMs <= maxMs ? valueMs : undefined;
    },
  });
}

export function booleanField() {
  return field({
    mustBe: 'true or false',
    parse: (text) =>
      text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : undefined,
  });
}

/** Addresses and networks, separated by commas or spaces. */
export function networksField() {
  return field({
    mustBe: 'addresses or networks such as 10.0.0.0/8, separated by commas',
    parse: (text): readonly Cidr[] | undefined => {
      const networks = text
        .split(/[\s,]+/)
        .filter((entry) => entry !== '')
        .map(parseCidr);
      return networks.every((network) => network !== undefined) ? networks : undefined;
    },
  });
}

export function choiceField<const Choice extends string>(choices: readonly Choice[]) {
  return field({
    mustBe: `one of ${choices.join(', ')}`,
    parse: (text) => choices.find((choice) => choice === text),
  });
}

/** The variables that every process of the platform reads in the same way; spread what applies into a schema. */
export const sharedFields = {
  DATABASE_URL: urlField(['postgres', 'postgresql']),
  /** Absent: counters live in the proxy's own process. */
  REDIS_URL: urlField(['redis', 'rediss']).optional(),
  WEIR_MASTER_KEY: base64KeyField(32),
  /** Keys that the master key replaces; what they sealed still opens until it is sealed anew (docs/providers.md). */
  WEIR_MASTER_KEY_PREVIOUS: base64KeysField(32).default([]),
  WEIR_INTERNAL_SECRET: secretField(32),
  /** Networks of the operator's own in which providers may be, also without TLS. */
  WEIR_PRIVATE_PROVIDERS: networksField().default([]),
  WEIR_HOME: textField('a folder').default('.weir'),
  LOG_LEVEL: choiceField(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  HOST: textField('an address to listen on').default('127.0.0.1'),
  ADMIN_HOST: textField('an address to listen on').default('127.0.0.1'),
} as const;

/** What seals with the current master key and opens with the ones before, too. */
export function masterKeysOf(env: {
  readonly WEIR_MASTER_KEY: Buffer;
  readonly WEIR_MASTER_KEY_PREVIOUS: readonly Buffer[];
}): readonly [Buffer, ...Buffer[]] {
  return [env.WEIR_MASTER_KEY, ...env.WEIR_MASTER_KEY_PREVIOUS];
}
