/**
 * Where a browser may be sent after it has signed in: an address of ours, whole. Undefined for every other, so that no
 * link to us ends at a stranger's page.
 */
export type ReturnTo = (text: string) => string | undefined;

const LENGTH_MAX = 2_048;

/**
 * @param publicUrl What relative addresses are relative to.
 * @param allowedOrigins Of further pages of ours, for example `https://portal.example`.
 */
export function createReturnTo(publicUrl: string | undefined, allowedOrigins: readonly string[]): ReturnTo {
  const own = [publicUrl ?? '', ...allowedOrigins].filter((text) => URL.canParse(text));
  const origins = new Set(own.map((text) => new URL(text).origin));
  return (text) => {
    if (text.length > LENGTH_MAX || publicUrl === undefined || !URL.canParse(text, publicUrl))
      return undefined;
    // The parser knows every way to write another host; what it makes of the text is what the browser will open.
    const url = new URL(text, publicUrl);
    if (!origins.has(url.origin) || url.username !== '' || url.password !== '') return undefined;
    url.hash = '';
    return url.href;
  };
}
