import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';

/** What a scalar refuses, as an error that belongs to the caller. */
function refuse(name: string, expectation: string): GraphQLError {
  return new GraphQLError(`${name} must be ${expectation}`, { extensions: { code: 'BAD_USER_INPUT' } });
}

interface TextScalar<Internal> {
  readonly name: string;
  readonly description: string;
  readonly specifiedByURL: string;
  /** Completes "X must be …" for people. */
  readonly expectation: string;
  /** Undefined when the text is not a value of the scalar. */
  parse(text: string): Internal | undefined;
  /** Undefined when a resolver returned something that is not a value of the scalar: a fault of ours. */
  print(value: unknown): string | undefined;
  readonly acceptsIntegers?: boolean;
}

function textScalar<Internal>(definition: TextScalar<Internal>): GraphQLScalarType<Internal, string> {
  const { name, expectation } = definition;
  const read = (text: string): Internal => {
    const value = definition.parse(text);
    if (value === undefined) throw refuse(name, expectation);
    return value;
  };
  return new GraphQLScalarType<Internal, string>({
    name,
    description: definition.description,
    specifiedByURL: definition.specifiedByURL,
    serialize(value) {
      const text = definition.print(value);
      if (text === undefined) throw new TypeError(`a resolver returned something that is no ${name}`);
      return text;
    },
    parseValue(value) {
      if (typeof value === 'string') return read(value);
      if (definition.acceptsIntegers === true && Number.isSafeInteger(value)) return read(String(value));
      throw refuse(name, expectation);
    },
    parseLiteral(node: ValueNode) {
      if (node.kind === Kind.STRING) return read(node.value);
      if (definition.acceptsIntegers === true && node.kind === Kind.INT) return read(node.value);
      throw refuse(name, expectation);
    },
  });
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DECIMAL = /^-?\d{1,30}(?:\.\d{1,18})?$/;
const INTEGER = /^-?\d{1,40}$/;
const CURRENCY = /^[A-Z]{3}$/;

/** Days that do not exist, such as February 30th, would otherwise roll over into the next month. */
function isRealDay(text: string): boolean {
  const atMs = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(text);
}

function parseInstant(text: string): Date | undefined {
  if (!INSTANT.test(text) || !isRealDay(text.slice(0, 10))) return undefined;
  const atMs = Date.parse(text);
  return Number.isFinite(atMs) ? new Date(atMs) : undefined;
}

/** Accepts what rows and clocks hold: a Date, Unix milliseconds, or text that is an instant already. */
function printInstant(value: unknown): string | undefined {
  const date =
    typeof value === 'string' ? parseInstant(value) : typeof value === 'number' ? new Date(value) : value;
  return date instanceof Date && Number.isFinite(date.getTime()) ? date.toISOString() : undefined;
}

function isTimeZone(text: string): boolean {
  try {
    return text !== '' && new Intl.DateTimeFormat('en', { timeZone: text }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}

/** Parses to and prints from text that satisfies a test. */
function checkedText(accepts: (text: string) => boolean) {
  return {
    parse: (text: string) => (accepts(text) ? text : undefined),
    print: (value: unknown) => (typeof value === 'string' && accepts(value) ? value : undefined),
  };
}

const dateTime = textScalar<Date>({
  name: 'DateTime',
  description: 'An instant as RFC 3339 in UTC.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  expectation: 'an RFC 3339 date and time with an offset, for example "2026-03-01T12:00:00Z"',
  parse: parseInstant,
  print: printInstant,
});

const businessDate = textScalar<string>({
  name: 'BusinessDate',
  description: "A calendar day in the organization's business time zone.",
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
  expectation: 'a calendar day, for example "2026-03-01"',
  ...checkedText((text) => DAY.test(text) && isRealDay(text)),
});

const decimal = textScalar<string>({
  name: 'Decimal',
  description: 'A decimal number as a string.',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema11-2/#decimal',
  expectation: 'a decimal number as a string, for example "12.5"',
  ...checkedText((text) => DECIMAL.test(text)),
});

const bigInt = textScalar<bigint>({
  name: 'BigInt',
  description: 'A whole number of any size as a string.',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema11-2/#integer',
  expectation: 'a whole number, for example "12345678901"',
  parse: (text) => (INTEGER.test(text) ? BigInt(text) : undefined),
  print: (value) => {
    if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
    return typeof value === 'string' && INTEGER.test(value) ? value : undefined;
  },
  acceptsIntegers: true,
});

const currencyCode = textScalar<string>({
  name: 'CurrencyCode',
  description: 'An ISO 4217 currency code.',
  specifiedByURL: 'https://www.iso.org/iso-4217-currency-codes.html',
  expectation: 'a currency code of three capital letters, for example "USD"',
  ...checkedText((text) => CURRENCY.test(text)),
});

const timeZone = textScalar<string>({
  name: 'TimeZone',
  description: 'A time zone name of the IANA database.',
  specifiedByURL: 'https://www.iana.org/time-zones',
  expectation: 'an IANA time zone, for example "Europe/Berlin"',
  ...checkedText(isTimeZone),
});

/**
 * Resolvers of the shared scalars. Inside the platform: DateTime is a Date, BigInt a bigint, BusinessDate, Decimal,
 * CurrencyCode and TimeZone are strings. Resolvers may also return Unix milliseconds for a DateTime and a safe integer
 * for a BigInt.
 */
export const scalarResolvers = {
  DateTime: dateTime,
  BusinessDate: businessDate,
  Decimal: decimal,
  BigInt: bigInt,
  CurrencyCode: currencyCode,
  TimeZone: timeZone,
} as const;
