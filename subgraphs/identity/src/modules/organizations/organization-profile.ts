import { z } from 'zod';

export const CONTACT_PURPOSES = ['billing', 'technical', 'support'] as const;

export type ContactPurpose = (typeof CONTACT_PURPOSES)[number];

const contactSchema = z.object({
  name: z.string(),
  /** In the form of `normalizeEmail`. */
  email: z.string(),
  phone: z.string().nullable(),
});

export const contactsSchema = z.partialRecord(z.enum(CONTACT_PURPOSES), contactSchema);

export const addressSchema = z.object({
  /** Street, building and the like. */
  lines: z.array(z.string()),
  city: z.string(),
  region: z.string().nullable(),
  postalCode: z.string().nullable(),
  /** ISO 3166-1 alpha-2. */
  countryCode: z.string(),
});

export type Contact = z.output<typeof contactSchema>;
export type Contacts = z.output<typeof contactsSchema>;
export type Address = z.output<typeof addressSchema>;

/** What an organization says of itself; its members change it. */
export interface OrganizationProfile {
  readonly name: string;
  readonly description: string;
  readonly website: string | null;
  readonly contacts: Contacts;
  readonly address: Address | null;
  /** An IANA name: its days, months and budget periods begin and end there. */
  readonly timeZone: string;
  /** ISO 4217: of its invoices. */
  readonly currency: string;
}
