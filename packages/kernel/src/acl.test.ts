import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyListOperation, parseAccessList, type AccessList, type AccessListName } from './acl.ts';

const apply = (name: AccessListName, current: AccessList, operation: string) => {
  const result = applyListOperation(name, current, operation);
  return result.ok ? result.value : { error: result.error };
};

describe('a plain string', () => {
  it('turns an unrestricted list into a list of what is allowed', () => {
    expect(apply('allowModels', null, 'gpt-4o')).toEqual(['gpt-4o']);
  });

  it('adds to what is there, with spaces or commas between entries, each once', () => {
    expect(apply('allowModels', ['a'], ' b,c  d ,a')).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a leading minus', () => {
  it('removes every entry of the string', () => {
    expect(apply('allowModels', ['gpt-3.5-turbo', 'gpt-4', 'o1'], '-gpt-3.5-turbo gpt-4')).toEqual(['o1']);
    expect(
      apply('allowIps', ['118.23.21.0/24', '119.24.12.11', '::1'], '-118.23.21.0/24,119.24.12.11'),
    ).toEqual(['::1']);
  });

  it('leaves a list that allows nothing when the last entry goes, never an unrestricted one', () => {
    expect(apply('allowModels', ['o1'], '-o1')).toEqual([]);
  });

  it('is refused for an entry that is not listed, which another entry may still allow', () => {
    expect(apply('allowModels', ['gpt-*'], '-gpt-4o')).toEqual({ error: '"gpt-4o" is not in allowModels' });
  });

  it('is refused on an unrestricted list', () => {
    expect(apply('allowModels', null, '-gpt-4o')).toHaveProperty('error');
  });
});

describe('the two words', () => {
  it('"*" lifts every restriction', () => {
    for (const name of ['allowIps', 'allowModels', 'resources', 'allowLevels'] as const) {
      expect(apply(name, ['x'], ' * ')).toBeNull();
    }
  });

  it('"-*" leaves the local address, and no model', () => {
    expect(apply('allowIps', null, '-*')).toEqual(['127.0.0.1']);
    expect(apply('allowModels', ['a'], '-*')).toEqual([]);
  });

  it('"-*" is refused where the origin gives it no meaning', () => {
    expect(apply('resources', null, '-*')).toHaveProperty('error');
    expect(apply('allowLevels', null, '-*')).toHaveProperty('error');
  });

  it('stand alone', () => {
    expect(apply('allowModels', [], '* gpt-4o')).toEqual({
      error: '"*" stands alone: it lifts the restriction',
    });
    expect(apply('allowModels', ['a'], '-* a')).toHaveProperty('error');
  });
});

describe('entries', () => {
  it.each([
    ['allowIps', '10.0.0.0/33'],
    ['allowIps', '10.0.0'],
    ['allowIps', 'example.com'],
    ['resources', 'v1/models'],
    ['allowLevels', '-1 x'],
    ['allowLevels', '1.5'],
    ['allowModels', 'gpt-4o -o1'],
    ['allowModels', ''],
    ['allowModels', '-'],
    ['allowModels', ' , '],
    ['allowModels', 'x'.repeat(201)],
  ] as const)('of %s are refused when they are %j, with a sentence', (name, operation) => {
    expect(apply(name, ['y'], operation)).toEqual({ error: expect.stringMatching(/\w{4,}/) as unknown });
  });

  it('are bounded in number', () => {
    const many = Array.from({ length: 1_001 }, (_, index) => `m${index}`);
    expect(apply('allowModels', null, many.join(' '))).toEqual({
      error: 'allowModels holds at most 1000 entries',
    });
  });
});

it('adding and then removing the same new entries restores the list', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,10}$/), { maxLength: 8 });
  fc.assert(
    fc.property(names, names, (before, added) => {
      const fresh = added.filter((name) => !before.includes(name));
      fc.pre(fresh.length > 0);
      const grown = apply('allowModels', before, fresh.join(','));
      expect(grown).toEqual([...before, ...fresh]);
      expect(apply('allowModels', grown as AccessList, `-${fresh.join(' ')}`)).toEqual(before);
    }),
  );
});

describe('a whole list', () => {
  it('is taken as it is, each entry once', () => {
    expect(parseAccessList('allowIps', ['::1', '10.0.0.0/8', '::1'])).toEqual({
      ok: true,
      value: ['::1', '10.0.0.0/8'],
    });
    expect(parseAccessList('allowModels', [])).toEqual({ ok: true, value: [] });
    expect(parseAccessList('allowModels', null)).toEqual({ ok: true, value: null });
  });

  it('is refused with its first wrong entry named', () => {
    expect(parseAccessList('allowIps', ['::1', 'nowhere'])).toEqual({
      ok: false,
      error: '"nowhere" is not an IP address or a network such as 10.0.0.0/8',
    });
    expect(parseAccessList('allowModels', ['a b'])).toHaveProperty('ok', false);
  });
});
