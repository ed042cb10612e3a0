import { createHash, randomBytes } from 'node:crypto';
import type { Uuid } from '@weir/kernel/ids';

/** Somebody who has yet to show that they read an address. */
export interface AddressProof {
  readonly id: Uuid;
  readonly email: string;
  readonly displayName: string;
  readonly organizationName: string;
  /** Of who signs up; null for who takes an organization over. */
  readonly founding: FoundingPlan | null;
  /** Of who takes an organization over: the person who has no password yet. */
  readonly userId: Uuid | null;
  readonly expiresAt: Date;
}

/** How an organization is founded once the address is proven. */
export interface FoundingPlan {
  readonly passwordHash: string;
  readonly slug: string;
  readonly timeZone: string;
}

const DAY_MS = 24 * 60 * 60_000;
export const SIGN_UP_LIFE_MS = DAY_MS;
export const TAKE_OVER_LIFE_MS = 7 * DAY_MS;

/** 256 random bits; the mail alone carries it. */
export function newProofToken(): string {
  return randomBytes(32).toString('base64url');
}

export function hashOfProofToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
