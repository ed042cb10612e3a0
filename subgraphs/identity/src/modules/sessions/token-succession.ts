import { createHmac, hkdfSync, type KeyObject } from 'node:crypto';
import type { MasterKey } from '@weir/service/vault';
import { refreshTokenOf, type RefreshTokenNames } from './session.ts';

/**
 * The refresh token that follows another one. It depends on its predecessor and a key of ours alone, so that a client
 * which sends the same exchange twice, or never got its answer, is told the same successor instead of a second chain.
 */
export type TokenSuccession = (token: string, names: RefreshTokenNames) => string;

const PURPOSE = 'weir refresh token succession';

function bytesOf(key: MasterKey): Buffer {
  const current = Array.isArray(key)
    ? (key as readonly [Buffer | KeyObject])[0]
    : (key as Buffer | KeyObject);
  return Buffer.isBuffer(current) ? current : current.export();
}

export function createTokenSuccession(masterKey: MasterKey): TokenSuccession {
  const key = Buffer.from(hkdfSync('sha256', bytesOf(masterKey), Buffer.alloc(0), PURPOSE, 32));
  return (token, names) => refreshTokenOf(names, createHmac('sha256', key).update(token).digest());
}
