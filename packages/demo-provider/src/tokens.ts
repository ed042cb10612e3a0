/** About four bytes per token: never more tokens than the text has bytes. */
export function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}
