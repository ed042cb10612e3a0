/**
 * Every text in an answer that stands under one of the names, in order, joined. Answers nest by choices, messages,
 * parts and calls; where a text stands matters less than that none is missed.
 */
export function writtenText(answer: unknown, names: ReadonlySet<string>): string {
  const texts: string[] = [];
  collect(answer, names, texts, 0);
  return texts.join('\n');
}

/** No answer of any provider nests deeper; a hostile one must not exhaust the stack. */
const DEPTH_MAX = 16;

function collect(value: unknown, names: ReadonlySet<string>, texts: string[], depth: number): void {
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return;
  if (Array.isArray(value)) {
    for (const item of value) collect(item, names, texts, depth + 1);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (typeof member !== 'string') collect(member, names, texts, depth + 1);
    else if (names.has(name)) texts.push(member);
  }
}
