/**
 * The memory that all uploads of this process share. An upload keeps what it has received until its model is known, and
 * while another provider key might have to be sent the same bytes. It is taken chunk by chunk and never waited for:
 * whoever gets none sends on without keeping, or is told to come back.
 */
export interface UploadMemory {
  /** @returns Whether there was room. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  readonly taken: number;
}

export function createUploadMemory(bytesMax: number): UploadMemory {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > bytesMax) return false;
      taken += bytes;
      return true;
    },
    give(bytes) {
      taken -= bytes;
    },
    get taken() {
      return taken;
    },
  };
}
