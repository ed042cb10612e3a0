import { parentPort } from 'node:worker_threads';
import { clearMergeCache, countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import type { CountAnswer, CountQuestion } from './token-counter.ts';

/**
 * Merging takes time in the square of a run without a boundary, so texts are cut into pieces that bound it. A cut
 * costs one token at most.
 */
const PIECE_LENGTH = 512;

/** Text that looks like a control token is text here. */
const PLAIN = { disallowedSpecial: new Set<string>() };

function countAll(text: string): number {
  let tokens = 0;
  for (let at = 0; at < text.length;) {
    const end = pieceEnd(text, at);
    tokens += countTokens(text.slice(at, end), PLAIN);
    at = end;
  }
  return tokens;
}

/** At a space where there is one, because tokens begin with theirs. */
function pieceEnd(text: string, start: number): number {
  const end = start + PIECE_LENGTH;
  if (end >= text.length) return text.length;
  const space = text.lastIndexOf(' ', end);
  return space > start ? space : end;
}

parentPort?.on('message', ({ id, texts }: CountQuestion) => {
  const answer: CountAnswer = { id, counts: texts.map(countAll) };
  // What was counted is nobody's business any more.
  clearMergeCache();
  parentPort?.postMessage(answer);
});
