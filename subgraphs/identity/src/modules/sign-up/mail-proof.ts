import type { Transaction } from '@weir/prisma/tenant';
import type { QueueMail } from '../mail/queue-mail.ts';
import { createAddressProofStore } from './address-proof-store.ts';
import { hashOfProofToken, newProofToken, type AddressProof } from './address-proof.ts';

async function mailToken(
  queueMail: QueueMail,
  tx: Transaction,
  proof: AddressProof,
  token: string,
): Promise<void> {
  const { email: to, displayName, organizationName } = proof;
  const kind = proof.founding ? 'emailVerification' : 'organizationOwner';
  await queueMail(tx, { to, mail: { kind, displayName, organizationName, token } });
}

/** Asks the reader of an address to prove it. The transaction must see the address. */
export async function askForProof(
  queueMail: QueueMail,
  tx: Transaction,
  proof: AddressProof,
  at: Date,
): Promise<void> {
  const token = newProofToken();
  await createAddressProofStore(tx).insert(proof, hashOfProofToken(token), at);
  await mailToken(queueMail, tx, proof, token);
}

/** The same once more; the token of the mail before is worth nothing from here on. */
export async function askForProofAgain(
  queueMail: QueueMail,
  tx: Transaction,
  proof: AddressProof,
): Promise<void> {
  const token = newProofToken();
  await createAddressProofStore(tx).replaceToken(proof.id, hashOfProofToken(token), proof.expiresAt);
  await mailToken(queueMail, tx, proof, token);
}
