import type { AuditAction } from '@weir/contracts/audit';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import type { OneTimeTokens } from '../one-time-tokens/one-time-tokens.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { createProof, type ProofDeps, type ProofInput } from '../second-factors/proof.ts';
import { issueRecoveryCodes, removeUselessRecoveryCodes } from '../second-factors/recovery-code-issue.ts';
import { tellChange } from '../second-factors/tell-change.ts';
import { createUserStore } from '../users/user-store.ts';
import {
  challengeRegistration,
  registeredPasskey,
  type RegistrationChallenge,
  type RegistrationResponse,
} from './passkey-registration.ts';
import { createPasskeyStore } from './passkey-store.ts';
import { PASSKEYS_MAX, type Passkey, type PasskeyProblem } from './passkey.ts';
import type { PasskeyAssertion, PasskeyChallenge } from './passkey-assertions.ts';
import { createPasskeySignIn, type PasskeySignInDeps } from './passkey-sign-in.ts';
import type { BegunSession } from '../sessions/begin-session.ts';
import type { Client } from '../sessions/client.ts';
import type { RelyingParty } from './relying-party.ts';
import type { Clock } from '@weir/kernel/clock';

type Outcome<T> = Promise<Result<T, PasskeyProblem>>;

export interface NewlyRegistered {
  readonly passkey: Passkey;
  /** Null when the person has some already. */
  readonly recoveryCodes: readonly string[] | null;
}

/** What people do with their own passkeys. Everything is refused to programs, which have none. */
export interface PasskeyService {
  /** Oldest first; empty for whoever is no person. */
  ofViewer(identity: InternalIdentity): Promise<readonly Passkey[]>;
  beginRegistration(identity: InternalIdentity): Outcome<RegistrationChallenge>;
  register(
    identity: InternalIdentity,
    response: RegistrationResponse,
    name: string,
  ): Outcome<NewlyRegistered>;
  rename(identity: InternalIdentity, id: Uuid, name: string): Outcome<Passkey>;
  remove(identity: InternalIdentity, id: Uuid, proof: ProofInput): Outcome<Uuid>;
  /** For anybody: whose passkey answers is known from the answer. */
  beginSignIn(): Outcome<PasskeyChallenge>;
  signIn(assertion: PasskeyAssertion, client: Client): Outcome<BegunSession>;
}

export interface PasskeyServiceDeps extends ProofDeps, PasskeySignInDeps {
  readonly relyingParty: RelyingParty | undefined;
  readonly oneTimeTokens: OneTimeTokens;
  readonly clock: Clock;
  readonly queueMail: QueueMail;
}

const NOT_A_PERSON = userError(
  'NOT_A_PERSON',
  'Only people have passkeys; this request was made by a program.',
);
const NO_DOMAIN = userError('NOT_AVAILABLE', 'Passkeys need a domain name: open the platform under one, for example localhost, and set PUBLIC_URL to it.'); // prettier-ignore
const TOO_MANY = userError('TOO_MANY', `A person has ${PASSKEYS_MAX} passkeys at most. Remove one first.`);
const INVALID = userError('INVALID_RESPONSE', 'The response does not answer a challenge of the last five minutes. Begin anew.', 'credential'); // prettier-ignore
const KNOWN = userError('ALREADY_REGISTERED', 'This passkey is registered already.', 'credential');
const NOT_FOUND = userError('NOT_FOUND', 'There is no passkey with this id.', 'id');
const INVALID_NAME = userError('INVALID_NAME', DISPLAY_NAME_RULE, 'name');

export function createPasskeyService(deps: PasskeyServiceDeps): PasskeyService {
  const { db, relyingParty, oneTimeTokens, passkeys, queueMail } = deps;
  const prove = createProof(deps);
  const signIn = createPasskeySignIn(deps);

  const personOf = (identity: InternalIdentity): Uuid | undefined => {
    const actor = requireSignedIn(identity);
    return actor.type === 'user' ? actor.userId : undefined;
  };

  const audit = (
    tx: Transaction,
    identity: InternalIdentity,
    action: AuditAction,
    passkey: Passkey,
  ): Promise<void> =>
    recordAudit(tx, identity, {
      organizationId: identity.organizationId,
      action,
      target: { type: 'passkey', id: passkey.id, name: passkey.name },
    });

  return {
    signIn,

    async beginSignIn() {
      const challenge = await passkeys.challengeAnybody();
      return challenge ? ok(challenge) : err(NO_DOMAIN);
    },

    async ofViewer({ actor }) {
      if (actor.type !== 'user') return [];
      return withTenant(db, { userId: actor.userId }, (tx) => createPasskeyStore(tx).allOf(actor.userId));
    },

    async beginRegistration(identity) {
      const userId = personOf(identity);
      if (!userId) return err(NOT_A_PERSON);
      if (!relyingParty) return err(NO_DOMAIN);
      const [person, known] = await withTenant(
        db,
        { userId },
        async (tx) =>
          [
            (await createUserStore(tx).byIds([userId]))[0],
            await createPasskeyStore(tx).allOf(userId),
          ] as const,
      );
      if (!person) throw new Error('a session without a person');
      if (known.length >= PASSKEYS_MAX) return err(TOO_MANY);
      return ok(await challengeRegistration({ ...deps, relyingParty }, person, known));
    },

    async register(identity, response, givenName) {
      const userId = personOf(identity);
      if (!userId) return err(NOT_A_PERSON);
      if (!relyingParty) return err(NO_DOMAIN);
      const name = parseDisplayName(givenName);
      if (name === undefined) return err(INVALID_NAME);
      const passkey = await registeredPasskey({ ...deps, relyingParty }, { id: userId }, response, name);
      if (!passkey) return err(INVALID);
      return withTenant(db, { userId }, async (tx) => {
        const store = createPasskeyStore(tx);
        if (!(await oneTimeTokens.spend(tx, response.challengeToken))) return err(INVALID);
        if ((await store.countOf(userId)) >= PASSKEYS_MAX) return err(TOO_MANY);
        if (!(await store.insert(passkey))) return err(KNOWN);
        const recoveryCodes = await issueRecoveryCodes(tx, userId, 'unlessThere');
        const registered = { ...passkey, lastUsedAt: null };
        await tellChange(queueMail, tx, userId, 'passkeyAdded');
        await audit(tx, identity, 'passkey.register', registered);
        return ok({ passkey: registered, recoveryCodes });
      });
    },

    async rename(identity, id, givenName) {
      const userId = personOf(identity);
      if (!userId) return err(NOT_A_PERSON);
      const name = parseDisplayName(givenName);
      if (name === undefined) return err(INVALID_NAME);
      return withTenant(db, { userId }, async (tx) => {
        const passkey = await createPasskeyStore(tx).rename(userId, id, name);
        if (!passkey) return err(NOT_FOUND);
        await audit(tx, identity, 'passkey.rename', passkey);
        return ok(passkey);
      });
    },

    async remove(identity, id, proof) {
      const userId = personOf(identity);
      if (!userId) return err(NOT_A_PERSON);
      const proven = await prove(userId, proof);
      if (!proven.ok) return proven;
      return withTenant(db, { userId }, async (tx) => {
        const passkey = await createPasskeyStore(tx).remove(userId, id);
        if (!passkey) return err(NOT_FOUND);
        await removeUselessRecoveryCodes(tx, userId);
        await tellChange(queueMail, tx, userId, 'passkeyRemoved');
        await audit(tx, identity, 'passkey.remove', passkey);
        return ok(id);
      });
    },
  };
}
