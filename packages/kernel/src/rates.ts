/** Rates multiply prices. Inside they are parts per million, so that costs stay whole numbers. */
const PPM = 1_000_000n;

/** A thousandfold; a larger one is a slip of the pen. */
export const RATES_MAX_PPM = 1_000n * PPM;

/** Undefined unless the text is a decimal from 0 to 1000 with at most six places, for example `1.25`. */
export function parseRates(text: string): bigint | undefined {
  const match = /^(\d{1,4})(?:\.(\d{1,6}))?$/.exec(text);
  if (!match) return undefined;
  const ppm = BigInt(match[1] ?? '0') * PPM + BigInt((match[2] ?? '').padEnd(6, '0'));
  return ppm <= RATES_MAX_PPM ? ppm : undefined;
}

/** `1250000n` → `"1.25"`. */
export function formatRates(ppm: bigint): string {
  const fraction = (ppm % PPM).toString().padStart(6, '0').replace(/0+$/, '');
  return `${ppm / PPM}${fraction === '' ? '' : `.${fraction}`}`;
}
