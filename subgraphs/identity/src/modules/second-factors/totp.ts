import { generateSecret, generateURI, verifySync } from 'otplib';
import { renderSVG } from 'uqr';

/** RFC 6238 as every authenticator app implements it. */
const PARAMETERS = { strategy: 'totp', algorithm: 'sha1', digits: 6, period: 30 } as const;
const ISSUER = 'Weir';
/** A code of the step before or after is accepted, too, as clocks differ and typing takes time. */
const TOLERANCE_SECONDS = PARAMETERS.period;

/** 160 random bits in base32, as an authenticator app takes them. */
export function newTotpSecret(): string {
  return generateSecret({ length: 20 });
}

/** @param email Tells a person's entries in an authenticator app apart. */
export function totpUri(secret: string, email: string): string {
  return generateURI({ ...PARAMETERS, issuer: ISSUER, label: email, secret });
}

/** A QR code as the URL of an image, to be shown as it is. */
export function qrCodeOf(text: string): string {
  const svg = renderSVG(text, { ecc: 'M', border: 4, pixelSize: 4 });
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}

/** Whether a text is meant as the code of an authenticator app. */
export function isTotpCode(text: string): boolean {
  return /^\d{6}$/.test(text);
}

/** The time step that a code belongs to, counted from 1970; undefined when it is not of now. */
export function stepOfCode(secret: string, code: string, nowMs: number): number | undefined {
  if (!isTotpCode(code)) return undefined;
  const epoch = Math.floor(nowMs / 1_000);
  const result = verifySync({ ...PARAMETERS, secret, token: code, epoch, epochTolerance: TOLERANCE_SECONDS });
  return result.valid && 'timeStep' in result ? result.timeStep : undefined;
}
