import { GraphQLError, Kind } from 'graphql';
import { describe, expect, it } from 'vitest';
import { scalarResolvers } from './scalars.ts';

const { DateTime, BusinessDate, Decimal, BigInt: BigIntScalar, CurrencyCode, TimeZone } = scalarResolvers;

describe('a DateTime', () => {
  it('is read with any offset and written in UTC', () => {
    const date = DateTime.parseValue('2026-03-01T12:00:00+02:00');
    expect(date).toEqual(new Date('2026-03-01T10:00:00Z'));
    expect(DateTime.serialize(date)).toBe('2026-03-01T10:00:00.000Z');
    expect(DateTime.serialize(0)).toBe('1970-01-01T00:00:00.000Z');
  });

  it.each([
    '2026-03-01',
    '2026-02-30T00:00:00Z',
    '2026-03-01T12:00:00',
    '2026-13-01T00:00:00Z',
    'now',
    '',
    5,
    null,
  ])('is not %j', (value) => {
    expect(() => DateTime.parseValue(value)).toThrow(GraphQLError);
  });

  it('that a resolver gets wrong is our failure and not the caller’s', () => {
    expect(() => DateTime.serialize('yesterday')).toThrow(TypeError);
    expect(() => DateTime.serialize(new Date(Number.NaN))).toThrow(TypeError);
  });
});

describe('exact numbers', () => {
  it('pass as text of any size', () => {
    expect(BigIntScalar.parseValue('123456789012345678901234567890')).toBe(123456789012345678901234567890n);
    expect(BigIntScalar.serialize(2n ** 70n)).toBe((2n ** 70n).toString());
    expect(Decimal.parseValue('-0.000000001')).toBe('-0.000000001');
  });

  it('are accepted as integer literals where they are whole', () => {
    expect(BigIntScalar.parseLiteral({ kind: Kind.INT, value: '42' }, {})).toBe(42n);
    expect(() => Decimal.parseLiteral({ kind: Kind.FLOAT, value: '0.1' }, {})).toThrow(/must be a decimal/);
  });

  it.each(['1e3', '0x10', ' 1', '1.', '.5', '--1', 'NaN', 0.1])('are not %j', (value) => {
    expect(() => Decimal.parseValue(value)).toThrow(GraphQLError);
    expect(() => BigIntScalar.parseValue(value)).toThrow(GraphQLError);
  });
});

it('a business date is a day that exists', () => {
  expect(BusinessDate.parseValue('2024-02-29')).toBe('2024-02-29');
  expect(() => BusinessDate.parseValue('2023-02-29')).toThrow(GraphQLError);
  expect(() => BusinessDate.parseValue('2023-2-9')).toThrow(GraphQLError);
});

it('a currency is three capital letters and a time zone one that the platform knows', () => {
  expect(CurrencyCode.parseValue('USD')).toBe('USD');
  expect(() => CurrencyCode.parseValue('usd')).toThrow(GraphQLError);
  expect(TimeZone.parseValue('Europe/Berlin')).toBe('Europe/Berlin');
  expect(() => TimeZone.parseValue('Europe/Atlantis')).toThrow(GraphQLError);
  expect(() => TimeZone.parseValue('')).toThrow(GraphQLError);
});
