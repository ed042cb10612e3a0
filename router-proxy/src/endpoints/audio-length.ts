/** The bytes that a second of speech usually takes, by how such files begin. */
const NOMINAL: readonly { readonly at: number; readonly magic: string; readonly bytesPerSecond: number }[] = [
  { at: 0, magic: 'ID3', bytesPerSecond: 16_000 },
  { at: 0, magic: 'fLaC', bytesPerSecond: 50_000 },
  { at: 0, magic: 'OggS', bytesPerSecond: 6_000 },
  { at: 4, magic: 'ftyp', bytesPerSecond: 12_000 },
  { at: 0, magic: '\x1a\x45\xdf\xa3', bytesPerSecond: 6_000 },
];
/** MP3 at 128 kbit/s. */
const USUAL_BYTES_PER_SECOND = 16_000;

const WAV_HEADER_BYTES = 44;
const WAV_BYTE_RATE_AT = 28;

/**
 * Estimates how long audio is from its size, exactly for WAV, which is not compressed and says how many bytes a second
 * takes. Only for what no provider reported: no size bounds the length of compressed audio, silence takes next to nothing.
 * @param head The beginning of the file.
 */
export function estimateAudioMs(head: Buffer, bytes: number): number {
  return Math.ceil((audioBytes(head, bytes) * 1_000) / bytesPerSecond(head));
}

function isWav(head: Buffer): boolean {
  return (
    head.length >= WAV_HEADER_BYTES &&
    head.toString('latin1', 0, 4) === 'RIFF' &&
    head.toString('latin1', 8, 16) === 'WAVEfmt ' &&
    head.readUInt32LE(WAV_BYTE_RATE_AT) > 0
  );
}

function audioBytes(head: Buffer, bytes: number): number {
  return isWav(head) ? Math.max(0, bytes - WAV_HEADER_BYTES) : bytes;
}

function bytesPerSecond(head: Buffer): number {
  if (isWav(head)) return head.readUInt32LE(WAV_BYTE_RATE_AT);
  const known = NOMINAL.find(({ at, magic }) => head.toString('latin1', at, at + magic.length) === magic);
  return known?.bytesPerSecond ?? USUAL_BYTES_PER_SECOND;
}
