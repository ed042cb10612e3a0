/** A header such as `form-data; name="file"; filename="a.wav"`: its first word and its parameters. */
export interface ParameterizedHeader {
  /** In lower case. */
  readonly value: string;
  /** By name in lower case; quoted ones as they stand between their quotes, escapes included. */
  readonly parameters: ReadonlyMap<string, string>;
}

const VALUE = /^[ \t]*([!#$%&'*+\-./^_`|~0-9A-Za-z]+)[ \t]*/;
const PARAMETER = /^;[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\\r\n]|\\[^\r\n])*)"|([^\s";]+))[ \t]*/;

/**
 * Strict, because whatever one reader forgives another reads differently: a repeated parameter, or anything between or
 * behind the parameters, makes the header unreadable.
 * @returns Undefined for such a header.
 */
export function parseHeader(text: string): ParameterizedHeader | undefined {
  const head = VALUE.exec(text);
  if (head?.[1] === undefined) return undefined;
  const parameters = new Map<string, string>();
  let rest = text.slice(head[0].length);
  while (rest !== '' && rest !== ';') {
    const found = PARAMETER.exec(rest);
    const name = found?.[1]?.toLowerCase();
    if (!found || name === undefined || parameters.has(name)) return undefined;
    parameters.set(name, found[3] ?? found[2] ?? '');
    rest = rest.slice(found[0].length);
  }
  return { value: head[1].toLowerCase(), parameters };
}
