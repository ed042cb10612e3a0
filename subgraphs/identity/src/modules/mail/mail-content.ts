/** What a mail says, whatever it is sent as. Every text is plain; the renderers escape it. */
export interface MailContent {
  readonly subject: string;
  /** What the reader is called; absent for an address that nobody here has. */
  readonly greet?: string;
  readonly paragraphs: readonly string[];
  readonly action?: MailAction;
  /** Below the action, for example what to do when it was not you. */
  readonly closing: readonly string[];
}

/** The one thing that the mail asks its reader to do. */
export interface MailAction {
  readonly label: string;
  readonly url: string;
  /** The same as the link carries, for those who paste it elsewhere. */
  readonly code: string;
}
