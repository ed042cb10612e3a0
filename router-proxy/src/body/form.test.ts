import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundaryOf, createFormReader } from './form.ts';
import { cutAt, formOf, TEST_BOUNDARY, type TestPart } from './test-form.ts';

const FILE: TestPart = { name: 'file', filename: 'a.wav', value: Buffer.from('RIFF\r\n--\r\n------weir\0ÿ') };

function read(chunks: readonly Buffer[], textBytesMax = 65_536) {
  const reader = createFormReader(TEST_BOUNDARY, textBytesMax);
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return reader;
}

/** Text that does not contain the boundary, as clients make sure. */
const texts = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.replaceAll(TEST_BOUNDARY, ''));
const names = fc.constantFrom('model', 'prompt', 'response_format', 'language', 'n');
const forms = fc
  .uniqueArray(fc.record({ name: names, value: texts }), { selector: ({ name }) => name, maxLength: 4 })
  .chain((fields) =>
    fc.record({
      fields: fc.constant(fields),
      file: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      at: fc.nat({ max: fields.length }),
    }),
  );

describe('a form', () => {
  it('has the same fields at every place where its bytes are cut', () => {
    const parts = [{ name: 'model', value: 'whisper-1' }, FILE, { name: 'language', value: 'dé' }];
    const bytes = formOf(parts);
    for (let place = 0; place <= bytes.length; place++) {
      const form = read(cutAt(bytes, [place]));
      expect(form.field('model')?.value).toBe('whisper-1');
      expect(form.field('language')?.value).toBe('dé');
      expect(form.file.bytes).toBe(FILE.value.length);
      expect(form.hasFile('file')).toBe(true);
    }
  });

  it('has its fields where their bytes lie, however it is composed and cut', () => {
    fc.assert(
      fc.property(
        forms,
        fc.array(fc.nat({ max: 2_000 }), { maxLength: 20 }),
        ({ fields, file, at }, cuts) => {
          const parts: TestPart[] = [...fields];
          parts.splice(at, 0, { name: 'file', filename: 'x', value: file });
          const bytes = formOf(parts);
          const form = read(cutAt(bytes, cuts));
          for (const { name, value } of fields) {
            const field = form.field(name);
            // Text that cannot be encoded becomes a replacement character on the way.
            expect(field?.value).toBe(Buffer.from(value).toString('utf8'));
            expect(bytes.subarray(field?.start, field?.end)).toEqual(Buffer.from(value));
          }
          expect(form.file.bytes).toBe(file.length);
          expect(form.file.head).toEqual(file.subarray(0, 64));
        },
      ),
    );
  });

  it('never crashes or hangs on anything else, and refuses it with a sentence', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(`--${TEST_BOUNDARY}`, '\r\n', '\n', '--', ': ', 'x', '"', 'name='), {
          maxLength: 40,
        }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 10 }),
        (tokens, cuts) => {
          try {
            read(cutAt(Buffer.from(tokens.join('')), cuts));
          } catch (thrown) {
            expect(thrown).toMatchObject({ code: 'INVALID_REQUEST' });
          }
        },
      ),
    );
  });

  const head = 'Content-Disposition: form-data; name="model"';
  const wrap = (inside: string): string => `--${TEST_BOUNDARY}\r\n${inside}\r\n--${TEST_BOUNDARY}--\r\n`;
  it.each([
    ['nothing', ''],
    ['no last boundary', `--${TEST_BOUNDARY}\r\n${head}\r\n\r\nm\r\n`],
    ['a boundary after a bare line feed', wrap(`${head}\r\n\r\nm\n--${TEST_BOUNDARY}\r\n${head}\r\n\r\nn`)],
    ['a boundary within a line', wrap(`${head}\r\n\r\nm--${TEST_BOUNDARY}`)],
    ['blanks behind a boundary', `--${TEST_BOUNDARY} \r\n${head}\r\n\r\nm\r\n--${TEST_BOUNDARY}--`],
    ['a longer boundary', wrap(`${head}\r\n\r\nm\r\n--${TEST_BOUNDARY}x`)],
    ['a part behind the last boundary', `${wrap(`${head}\r\n\r\nm`)}\r\n--${TEST_BOUNDARY}\r\n`],
    ['headers that end with bare line feeds', wrap(`${head}\n\nm`)],
    ['a folded header', wrap(`${head};\r\n filename="x"\r\n\r\nm`)],
    ['no name', wrap('Content-Disposition: form-data\r\n\r\nm')],
    ['no disposition', wrap('Content-Type: text/plain\r\n\r\nm')],
    ['two dispositions', wrap(`${head}\r\n${head}\r\n\r\nm`)],
    ['two names', wrap(`${head}; name="other"\r\n\r\nm`)],
    ['a name in another encoding', wrap(`${head}; name*=utf-8''other\r\n\r\nm`)],
    ['an escaped name', wrap('Content-Disposition: form-data; name="mod\\el"\r\n\r\nm')],
    ['a name with an index', wrap('Content-Disposition: form-data; name="model[]"\r\n\r\nm')],
    ['an encoded value', wrap(`${head}\r\nContent-Transfer-Encoding: base64\r\n\r\nbQ==`)],
    ['a value in another charset', wrap(`${head}\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nm`)],
    [
      'a field given twice',
      formOf([
        { name: 'model', value: 'a' },
        { name: 'model', value: 'b' },
      ]).toString(),
    ],
    [
      'a field and a file of one name',
      formOf([
        { ...FILE, name: 'model' },
        { name: 'model', value: 'b' },
      ]).toString(),
    ],
    ['headers without an end', wrap(`${head}; filename="${'x'.repeat(9_000)}"\r\n\r\nm`)],
    [
      'too many parts',
      formOf(Array.from({ length: 129 }, (_, at) => ({ name: `f${at}`, value: '' }))).toString(),
    ],
  ])('is refused with %s', (_name, body) => {
    expect(() => read([Buffer.from(body, 'latin1')])).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  });

  it('is refused with a value that is no UTF-8', () => {
    const body = formOf([{ name: 'model', value: Buffer.from([0xff]) }]);
    expect(() => read([body])).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', param: 'model' }));
  });

  it('may hold so much text in all and no more, and files beside it', () => {
    const parts = [{ name: 'prompt', value: 'x'.repeat(60) }, FILE, { name: 'model', value: 'y'.repeat(40) }];
    expect(read([formOf(parts)], 100).textBytes).toBe(100);
    expect(() => read([formOf(parts)], 99)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
  });

  it('may hold lists, and several files of one name', () => {
    const list = { name: 'timestamp_granularities[]', value: 'word' };
    const form = read([formOf([list, list, { ...FILE, name: 'image' }, { ...FILE, name: 'image' }])]);
    expect([...form.names]).toEqual([list.name, 'image']);
  });

  it('may have empty lines before and text behind it', () => {
    const body = Buffer.concat([
      Buffer.from('\r\n'),
      formOf([{ name: 'model', value: 'm' }]),
      Buffer.from('bye'),
    ]);
    for (let place = 0; place <= body.length; place++)
      expect(read(cutAt(body, [place])).field('model')?.value).toBe('m');
  });
});

describe('boundaryOf', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=utf-8; Boundary="a b c"', 'a b c'],
    ['application/json', undefined],
    [undefined, undefined],
  ])('reads %s', (type, boundary) => {
    expect(boundaryOf(type)).toBe(boundary);
  });

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="a\\"b"',
    'multipart/form-data; boundary=a; boundary=b',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ])('refuses %s', (type) => {
    expect(() => boundaryOf(type)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });
});
