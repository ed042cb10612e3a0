let second = Number.NaN;
let text = '';

/** An instant as the header Date tells it (RFC 9110 §5.6.7). It is put together once per second. */
export function httpDate(nowMs: number): string {
  const now = Math.floor(nowMs / 1_000);
  if (now !== second) {
    second = now;
    text = new Date(nowMs).toUTCString();
  }
  return text;
}
