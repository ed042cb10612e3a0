import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';

/** Where the browser of a test is, and what it lies about. */
export interface Circumstances {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  /** Bits of authenticator data: 1 presence, 4 verification. */
  readonly flags?: number;
  readonly counter?: number;
  readonly userHandle?: string;
}

export interface TestAuthenticator {
  register(options: PublicKeyCredentialCreationOptionsJSON, lies?: Circumstances): RegistrationResponseJSON;
  /** Each signature counts. */
  answer(options: PublicKeyCredentialRequestOptionsJSON, lies?: Circumstances): AuthenticationResponseJSON;
}

const ORIGIN = 'https://weir.example';
const RP_ID = 'weir.example';
const PRESENT_AND_VERIFIED = 0b101;
const HAS_CREDENTIAL = 0b1000000;

const sha256 = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest();
const textOf = (bytes: Buffer): string => bytes.toString('base64url');

/** CBOR of a byte string, a text or a map: enough for an attestation of the format `none`. */
function head(majorType: number, length: number): Buffer {
  const type = majorType << 5;
  if (length < 24) return Buffer.from([type | length]);
  return length < 256
    ? Buffer.from([type | 24, length])
    : Buffer.from([type | 25, length >> 8, length & 255]);
}
const cborBytes = (bytes: Buffer): Buffer => Buffer.concat([head(2, bytes.length), bytes]);
const cborText = (text: string): Buffer => Buffer.concat([head(3, text.length), Buffer.from(text)]);
const cborInteger = (value: number): Buffer => (value < 0 ? head(1, -1 - value) : head(0, value));
const cborMap = (...pairs: readonly (readonly [Buffer, Buffer])[]): Buffer =>
  Buffer.concat([head(5, pairs.length), ...pairs.flat()]);

/** A security key in software, with one credential for the person that it was registered for. */
export function createTestAuthenticator(): TestAuthenticator {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const coseKey = cborMap(
    [cborInteger(1), cborInteger(2)],
    [cborInteger(3), cborInteger(-7)],
    [cborInteger(-1), cborInteger(1)],
    [cborInteger(-2), cborBytes(Buffer.from(x, 'base64url'))],
    [cborInteger(-3), cborBytes(Buffer.from(y, 'base64url'))],
  );
  const credentialId = randomBytes(32);
  const id = textOf(credentialId);
  let userHandle = '';
  let signatures = 0;

  const clientData = (type: string, challenge: string, { origin = ORIGIN }: Circumstances): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));

  function authenticatorData(
    { rpId = RP_ID, flags = PRESENT_AND_VERIFIED, counter }: Circumstances,
    made?: Buffer,
  ): Buffer {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter ?? signatures);
    const bits = Buffer.from([flags | (made ? HAS_CREDENTIAL : 0)]);
    return Buffer.concat([sha256(rpId), bits, count, made ?? Buffer.alloc(0)]);
  }

  return {
    register(options, lies = {}) {
      userHandle = options.user.id;
      const length = Buffer.from([credentialId.length >> 8, credentialId.length & 255]);
      const made = Buffer.concat([Buffer.alloc(16), length, credentialId, coseKey]);
      const attestationObject = cborMap(
        [cborText('fmt'), cborText('none')],
        [cborText('attStmt'), cborMap()],
        [cborText('authData'), cborBytes(authenticatorData(lies, made))],
      );
      const data = clientData('webauthn.create', lies.challenge ?? options.challenge, lies);
      const response = {
        clientDataJSON: textOf(data),
        attestationObject: textOf(attestationObject),
        transports: ['internal'],
      };
      return { id, rawId: id, type: 'public-key', response, clientExtensionResults: {} };
    },

    answer(options, lies = {}) {
      signatures += 1;
      const data = clientData('webauthn.get', lies.challenge ?? options.challenge, lies);
      const signed = authenticatorData(lies);
      const signature = sign('sha256', Buffer.concat([signed, sha256(data)]), privateKey);
      const response = {
        clientDataJSON: textOf(data),
        authenticatorData: textOf(signed),
        signature: textOf(signature),
        userHandle: lies.userHandle ?? userHandle,
      };
      return { id, rawId: id, type: 'public-key', response, clientExtensionResults: {} };
    },
  };
}
