import { createTransport } from 'nodemailer';
import { MailRefused, type MailTransport } from './mail-transport.ts';

export interface SmtpOptions {
  /** `smtp://user:password@host:port`, or `smtps://`. */
  readonly url: string;
  /** An address, or `Name <address>`. */
  readonly from: string;
  /** For connecting, for the greeting and for each silence within a dialogue. */
  readonly timeoutMs: number;
}

/** Codes of nodemailer for what the server says about the mail itself. */
const ABOUT_THE_MAIL = new Set(['EENVELOPE', 'EMESSAGE']);

/** Whether the server has refused the mail for good (5xx); what it says about us (authentication) may be mended. */
function isFinal(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code, responseCode } = thrown as { code?: unknown; responseCode?: unknown };
  return (
    typeof code === 'string' &&
    ABOUT_THE_MAIL.has(code) &&
    typeof responseCode === 'number' &&
    responseCode >= 500
  );
}

/** Sends by SMTP. Credentials stay in the URL; nothing of it is ever logged. */
export function createSmtpTransport({ url, from, timeoutMs }: SmtpOptions): MailTransport {
  const transport = createTransport(
    {
      url,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      // A letter is complete: it may neither read files nor fetch anything.
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  );
  return {
    async send(id, { to, subject, text, html }) {
      try {
        await transport.sendMail({
          messageId: `<${id}@weir>`,
          to: { name: '', address: to },
          subject,
          text,
          html,
          headers: { 'Auto-Submitted': 'auto-generated' },
        });
      } catch (thrown) {
        if (isFinal(thrown)) throw new MailRefused('the mail server refuses this mail', { cause: thrown });
        throw thrown;
      }
    },
    close: () => {
      transport.close();
    },
  };
}
