import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessListName } from './acl.ts';
import { firstBeyond } from './acl-containment.ts';
import { intersectLists } from './acl-intersection.ts';
import { cidrContains, formatAddress, parseCidr } from './cidr.ts';
import { matchesPattern } from './pattern.ts';
import { intersectPatterns } from './pattern-intersection.ts';
import { allowsPath } from './resource-path.ts';

const isWithin = (name: AccessListName, inner: readonly string[], outer: readonly string[] | null) =>
  firstBeyond(name, inner, outer) === undefined;

/** How the path decides about one value; containment has to agree with it. */
const ALLOWS: Record<AccessListName, (entry: string, value: string) => boolean> = {
  allowModels: matchesPattern,
  resources: allowsPath,
  allowLevels: (entry, value) => entry === value,
  allowIps: (entry, value) => {
    const [network, address] = [parseCidr(entry), parseCidr(value)];
    return network !== undefined && address !== undefined && cidrContains(network, address);
  },
};
const allows = (name: AccessListName, list: readonly string[] | null, value: string) =>
  list === null || list.some((entry) => ALLOWS[name](entry, value));

/** Few letters, so that random entries and values meet often. */
const model = fc.stringMatching(/^[ab]{0,4}$/);
const pattern = fc.stringMatching(/^[ab*]{1,5}$/);
const path = fc.stringMatching(/^\/[a/]{0,5}$/);
const resource = fc.stringMatching(/^\/[a/]{0,4}\*?$/);
const level = fc.nat({ max: 4 }).map(String);
const address = fc.nat({ max: 15 }).map((last) => `10.0.0.${String(last)}`);
const network = fc.tuple(address, fc.integer({ min: 28, max: 32 })).map((parts) => parts.join('/'));

const KINDS = [
  { name: 'allowModels', entry: pattern, value: model },
  { name: 'resources', entry: resource, value: path },
  { name: 'allowLevels', entry: level, value: level },
  { name: 'allowIps', entry: network, value: address },
] as const;

describe.each(KINDS)('lists of $name', ({ name, entry, value }) => {
  const list = fc.array(entry, { maxLength: 4 });

  it('that lie within another allow nothing that it does not', () => {
    fc.assert(
      fc.property(list, list, fc.array(value, { minLength: 5, maxLength: 20 }), (inner, outer, values) => {
        fc.pre(isWithin(name, inner, outer));
        for (const one of values) {
          if (allows(name, inner, one)) expect(allows(name, outer, one)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('lie within themselves, within the unrestricted list, and contain the empty one', () => {
    fc.assert(
      fc.property(list, (entries) => {
        expect(isWithin(name, entries, entries)).toBe(true);
        expect(isWithin(name, entries, null)).toBe(true);
        expect(isWithin(name, [], entries)).toBe(true);
      }),
    );
  });

  it('leave of two exactly what both allow, which lies within both', () => {
    fc.assert(
      fc.property(list, list, fc.array(value, { minLength: 5, maxLength: 20 }), (a, b, values) => {
        const common = intersectLists(name, a, b) ?? [];
        expect(isWithin(name, common, a) && isWithin(name, common, b)).toBe(true);
        for (const one of values) {
          expect(allows(name, common, one)).toBe(allows(name, a, one) && allows(name, b, one));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('are left as they are by an unrestricted one', () => {
    fc.assert(
      fc.property(list, (entries) => {
        expect(intersectLists(name, entries, null)).toEqual(entries);
        expect(intersectLists(name, null, entries)).toEqual(entries);
      }),
    );
    expect(intersectLists(name, null, null)).toBeNull();
  });
});

describe('patterns that cross in more ways than can be listed', () => {
  const crossing = (a: string, b: string) =>
    Array.from({ length: 200 }, (_, place) => `*${a}${String(place)}*${b}${String(place)}*`);

  it('leave what both allow and little more: those of the second list that may overlap', () => {
    const a = ['gpt-*', 'claude-*', ...crossing('a', 'b')];
    const b = ['gpt-4o', 'llama-*', ...crossing('c', 'd')];
    const common = intersectLists('allowModels', a, b) ?? [];
    expect(isWithin('allowModels', common, b)).toBe(true);
    expect(common.length).toBeLessThanOrEqual(a.length + b.length);
    for (const name of ['gpt-4o', 'llama-a1b1', 'gpt-c1d1', 'xa3xb3c4xd4']) {
      expect(allows('allowModels', common, name)).toBe(true);
    }
    expect(allows('allowModels', common, 'claude-3')).toBe(false);
  });
});

describe('containment is refused only where there is a value to show for it', () => {
  it('for addresses: some address of the network is in none of the outer ones', () => {
    fc.assert(
      fc.property(network, fc.array(network, { maxLength: 4 }), (inner, outer) => {
        const all = Array.from({ length: 16 }, (_, last) => `10.0.0.${String(last)}`);
        const isCovered = all
          .filter((one) => allows('allowIps', [inner], one))
          .every((one) => allows('allowIps', outer, one));
        expect(isWithin('allowIps', [inner], outer)).toBe(isCovered);
      }),
      { numRuns: 2_000 },
    );
  });

  it('for models and paths: the entry with something unheard of in place of its star', () => {
    fc.assert(
      fc.property(pattern, fc.array(pattern, { maxLength: 4 }), (inner, outer) => {
        const witness = inner.replaceAll('*', '\u{1f9c7}');
        expect(isWithin('allowModels', [inner], outer)).toBe(allows('allowModels', outer, witness));
      }),
    );
    fc.assert(
      fc.property(resource, fc.array(resource, { maxLength: 4 }), (inner, outer) => {
        const start = inner.replace(/\*$/, '');
        const isPrefix = inner.endsWith('*') || inner.endsWith('/');
        const witness = isPrefix ? `${start}\u{1f9c7}` : start;
        expect(isWithin('resources', [inner], outer)).toBe(allows('resources', outer, witness));
      }),
    );
  });
});

describe('for example', () => {
  it.each([
    ['allowModels', 'gpt-4*', 'gpt-*', true],
    ['allowModels', 'gpt-*', 'gpt-4*', false],
    ['allowModels', 'gpt-4o', 'gpt-4*', true],
    ['allowIps', '10.1.0.0/16', '10.0.0.0/8', true],
    ['allowIps', '10.0.0.0/8', '10.1.0.0/16', false],
    ['allowIps', '2001:db8:1::/48', '2001:db8::/32', true],
    ['allowIps', '::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['resources', '/v1/chat/completions', '/v1', true],
    ['resources', '/v1beta', '/v1', false],
    ['resources', '/v1beta', '/v1*', true],
    ['resources', '/v1/', '/v1', true],
    ['resources', '/v1', '/v1/', false],
    ['allowLevels', '2', '3', false],
  ] as const)('in %s, %s is within %s: %s', (name, inner, outer, expected) => {
    expect(isWithin(name, [inner], [outer])).toBe(expected);
  });

  it('two halves of a network contain it', () => {
    expect(isWithin('allowIps', ['10.0.0.0/8'], ['10.0.0.0/9', '10.128.0.0/9'])).toBe(true);
    expect(isWithin('allowIps', ['10.0.0.0/8'], ['10.0.0.0/9', '10.128.0.0/10'])).toBe(false);
  });

  it('patterns have in common what both match, in every way in which their stars may lie', () => {
    expect(intersectPatterns('gpt-*', '*-mini')).toEqual(expect.arrayContaining(['gpt-*-mini', 'gpt-mini']));
    expect(intersectPatterns('gpt-*', 'claude-*')).toEqual([]);
  });

  it('an address reads as people write it', () => {
    const parse = (text: string) => {
      const cidr = parseCidr(text);
      return cidr && formatAddress(cidr);
    };
    expect(parse('::ffff:a00:1')).toBe('10.0.0.1');
    expect(parse('2001:db8::1')).toBe('2001:db8:0:0:0:0:0:1');
  });
});

it('patterns whose stars interleave in too many ways are shown as one of the two', () => {
  const [a, b] = ['*a*b*c*d*e*f*g*', '*h*i*j*k*l*m*n*'];
  expect([a, b]).toEqual(expect.arrayContaining([...intersectPatterns(a, b)]));
});
