import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEdits } from './json-edit.ts';
import { keyOf, memberNamed, objectMembers } from './json-members.ts';
import { parseJsonObject, removeMember, setMember } from './json-object.ts';

/** Any JSON object, written in one of the many ways that JSON can be written. */
const written = fc
  .tuple(
    fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 8 }),
    fc.constantFrom(0, 1, 4, '\t'),
  )
  .map(([value, indent]) => ({ value, text: JSON.stringify(value, null, indent) }));

function parse(text: string) {
  return parseJsonObject(Buffer.from(text));
}

function asValue(bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
}

describe('objectMembers', () => {
  it('finds every member of any object and exactly the bytes of its value', () => {
    fc.assert(
      fc.property(written, ({ value, text }) => {
        const bytes = Buffer.from(text);
        const members = objectMembers(bytes) ?? [];
        const keys = members.map((member) => keyOf(bytes, member) ?? '');
        expect(keys).toEqual(Object.keys(JSON.parse(text) as object));
        for (const [index, { valueStart, valueEnd }] of members.entries()) {
          const key = keys[index] ?? '';
          expect(memberNamed(bytes, members, key)).toBe(members[index]);
          const own = Object.getOwnPropertyDescriptor(value, key)?.value as unknown;
          expect(JSON.parse(bytes.toString('utf8', valueStart, valueEnd))).toEqual(
            JSON.parse(JSON.stringify(own)),
          );
        }
      }),
    );
  });

  it('knows a key by what it means, however it is escaped', () => {
    const text = Buffer.from('{"mod\\u0065l":1,"models":2,"mode":3}');
    const members = objectMembers(text) ?? [];
    expect(memberNamed(text, members, 'model')).toBe(members[0]);
    expect(memberNamed(text, members, 'mod')).toBeUndefined();
  });

  it('finds no key but the one that is asked for, whatever both consist of', () => {
    const key = fc.string({
      unit: fc.constantFrom('a', 'Ã', '\u0083', '\\', '"', '\ud83d\ude00'),
      maxLength: 4,
    });
    fc.assert(
      fc.property(key, key, (given, asked) => {
        const text = Buffer.from(JSON.stringify({ [given]: 1 }));
        const found = memberNamed(text, objectMembers(text) ?? [], asked);
        expect(found !== undefined).toBe(given === asked);
      }),
    );
  });

  it('says so instead of looping when the object is cut off anywhere', () => {
    const text = Buffer.from('{"a": [1, {"b": "x\\"}"}], "c": "d"}');
    for (let end = 0; end < text.length; end++) expect(objectMembers(text.subarray(0, end))).toBeUndefined();
    expect(objectMembers(text)).toHaveLength(2);
  });

  it('ends on any bytes whatsoever', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        objectMembers(Buffer.concat([Buffer.from('{'), bytes]));
      }),
    );
  });
});

describe('parseJsonObject', () => {
  it('refuses a member that is given twice, because a provider might obey the other one', () => {
    expect(() => parse('{"model":"a","mod\\u0065l":"b"}')).toThrow('"model" appears more than once');
  });

  it.each(['', '[]', 'null', '1', '"x"', '{', '{"a":1}x', '{"a":}'])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });

  it('does not repeat the body in what it says', () => {
    expect(() => parse('{"secret":"my password" oops}')).toThrow(
      expect.objectContaining({ detail: expect.not.stringContaining('password') as string }),
    );
  });
});

describe('the members of an object', () => {
  it('are found behind strings of any length, whatever is escaped in them', () => {
    const character = fc.constantFrom('a', '"', '\\', '{', ']', 'ü', '\n');
    const long = fc.string({ unit: character, maxLength: 400 });
    fc.assert(
      fc.property(long, long, (first, second) => {
        const text = Buffer.from(JSON.stringify({ first, inner: [{ second }], second, last: 1 }));
        const found = objectMembers(text)?.map((member) => [
          keyOf(text, member),
          JSON.parse(text.toString('utf8', member.valueStart, member.valueEnd)) as unknown,
        ]);
        expect(found).toEqual(Object.entries({ first, inner: [{ second }], second, last: 1 }));
      }),
    );
  });
});

describe('an edit', () => {
  it('changes one member and leaves every other value as it was', () => {
    fc.assert(
      fc.property(written, fc.string(), fc.jsonValue(), ({ text }, key, value) => {
        const object = parse(text);
        const edited = applyEdits(object.bytes, [setMember(object, key, JSON.stringify(value))]);
        const expected = new Map([
          ...Object.entries(asValue(object.bytes)),
          [key, JSON.parse(JSON.stringify(value)) as unknown],
        ]);
        expect(new Map(Object.entries(asValue(edited)))).toEqual(expected);
      }),
    );
  });

  it('removes any member with the comma that belonged to it', () => {
    fc.assert(
      fc.property(written, fc.nat(), ({ text }, choice) => {
        const object = parse(text);
        const members = objectMembers(object.bytes) ?? [];
        const member = members[choice % members.length];
        if (!member) throw new Error('the object has a member');
        const expected = new Map(Object.entries(asValue(object.bytes)));
        expected.delete(keyOf(object.bytes, member) ?? '');
        const edited = applyEdits(object.bytes, [removeMember(object, member)]);
        expect(new Map(Object.entries(asValue(edited)))).toEqual(expected);
      }),
    );
  });

  it('keeps numbers that JavaScript cannot hold', () => {
    const object = parse('{"model":"a","seed":12345678901234567890,"x":1.0e400}');
    const edited = applyEdits(object.bytes, [setMember(object, 'model', '"b"')]);
    expect(Buffer.from(edited).toString()).toBe('{"model":"b","seed":12345678901234567890,"x":1.0e400}');
  });
});
