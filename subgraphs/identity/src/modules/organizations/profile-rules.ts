import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import { parseDisplayName } from '../../display-name.ts';
import type { OrganizationErrorCode } from '../../generated/resolvers-types.ts';
import { normalizeEmail } from '../users/user.ts';
import { isCountryCode, isCurrencyCode } from './iso-codes.ts';
import {
  CONTACT_PURPOSES,
  type Address,
  type Contact,
  type OrganizationProfile,
} from './organization-profile.ts';

export type OrganizationProblem = UserErrorValue<OrganizationErrorCode>;

const NAME_LENGTH_MAX = 120;
const DESCRIPTION_LENGTH_MAX = 2_000;
const WEBSITE_LENGTH_MAX = 500;
const LINE_LENGTH_MAX = 200;
const ADDRESS_LINES_MAX = 5;

/** A sentence about names that are refused. */
export const ORGANIZATION_NAME_RULE = `The name must have 1 to ${NAME_LENGTH_MAX} printable characters.`;

/** The trimmed name, or undefined when it is none. */
export function parseOrganizationName(text: string): string | undefined {
  return parseDisplayName(text, NAME_LENGTH_MAX);
}

/** Undefined leaves a member as it is; null clears it. */
export interface ProfileChange {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly website?: string | null | undefined;
  readonly contacts?: { readonly [Purpose in (typeof CONTACT_PURPOSES)[number]]?: Contact | null | undefined } | undefined; // prettier-ignore
  readonly address?: Address | null | undefined;
  readonly timeZone?: string | undefined;
  readonly currency?: string | undefined;
}

type Problems = OrganizationProblem[];

function isWebsite(text: string): boolean {
  return text.length <= WEBSITE_LENGTH_MAX && /^https?:\/\//.test(text) && URL.canParse(text);
}

function line(text: string): string | undefined {
  return parseDisplayName(text, LINE_LENGTH_MAX);
}

function checkContact(contact: Contact, purpose: string, problems: Problems): Contact {
  const refuse = (member: string, message: string) =>
    problems.push(userError('INVALID_CONTACT', message, 'contacts', purpose, member));
  const name = line(contact.name);
  const email = normalizeEmail(contact.email);
  const phone = contact.phone === null ? null : contact.phone.trim();
  if (name === undefined) refuse('name', `The name must have 1 to ${LINE_LENGTH_MAX} printable characters.`);
  if (email === undefined) refuse('email', 'This is no e-mail address.');
  if (phone !== null && !/^\+?[0-9][0-9 ()./-]{3,30}$/.test(phone))
    refuse('phone', 'This is no telephone number.');
  return { name: name ?? '', email: email ?? '', phone };
}

function checkAddress(address: Address, problems: Problems): Address {
  const refuse = (member: string, message: string) =>
    problems.push(userError('INVALID_ADDRESS', message, 'address', member));
  const lines = address.lines.map(line).filter((text) => text !== undefined);
  if (lines.length !== address.lines.length || lines.length === 0 || lines.length > ADDRESS_LINES_MAX) {
    refuse('lines', `Give 1 to ${ADDRESS_LINES_MAX} lines of at most ${LINE_LENGTH_MAX} characters.`);
  }
  const city = line(address.city);
  if (city === undefined) refuse('city', `The city must have 1 to ${LINE_LENGTH_MAX} printable characters.`);
  const optional = (member: 'region' | 'postalCode'): string | null => {
    const given = address[member];
    const text = given === null ? null : line(given);
    if (text === undefined)
      refuse(member, `It must have 1 to ${LINE_LENGTH_MAX} printable characters, or be null.`);
    return text ?? null;
  };
  const countryCode = address.countryCode.trim().toUpperCase();
  if (!isCountryCode(countryCode))
    refuse('countryCode', 'This is no country of ISO 3166-1 alpha-2, for example DE.');
  return {
    lines,
    city: city ?? '',
    region: optional('region'),
    postalCode: optional('postalCode'),
    countryCode,
  };
}

/** What the profile would be in its one spelling, as far as it is to change, or everything that is wrong with it. */
export function checkProfile(
  current: OrganizationProfile,
  change: ProfileChange,
): Result<Partial<OrganizationProfile>, readonly OrganizationProblem[]> {
  const problems: Problems = [];
  const next: { -readonly [Name in keyof OrganizationProfile]?: OrganizationProfile[Name] } = {};
  if (change.name !== undefined) {
    const name = parseOrganizationName(change.name);
    if (name === undefined) problems.push(userError('INVALID_NAME', ORGANIZATION_NAME_RULE, 'name'));
    else next.name = name;
  }
  if (change.description !== undefined) {
    next.description = change.description.trim();
    if (next.description.length > DESCRIPTION_LENGTH_MAX || /[^\P{Cc}\n\t]/u.test(next.description)) {
      const message = `The description has at most ${DESCRIPTION_LENGTH_MAX} characters, without control characters.`;
      problems.push(userError('INVALID_DESCRIPTION', message, 'description'));
    }
  }
  if (change.website !== undefined) {
    next.website = change.website === null ? null : change.website.trim();
    if (next.website !== null && !isWebsite(next.website)) {
      problems.push(
        userError('INVALID_WEBSITE', 'Give an address that starts with https:// or http://.', 'website'),
      );
    }
  }
  if (change.contacts !== undefined) {
    const contacts = { ...current.contacts };
    for (const purpose of CONTACT_PURPOSES) {
      const contact = change.contacts[purpose];
      if (contact === null) delete contacts[purpose];
      else if (contact !== undefined) contacts[purpose] = checkContact(contact, purpose, problems);
    }
    next.contacts = contacts;
  }
  if (change.address !== undefined) {
    next.address = change.address === null ? null : checkAddress(change.address, problems);
  }
  if (change.timeZone !== undefined) next.timeZone = change.timeZone;
  if (change.currency !== undefined) {
    next.currency = change.currency.trim().toUpperCase();
    if (!isCurrencyCode(next.currency)) {
      problems.push(
        userError('INVALID_CURRENCY', 'This is no currency of ISO 4217, for example EUR.', 'currency'),
      );
    }
  }
  return problems.length > 0 ? err(problems) : ok(next);
}
