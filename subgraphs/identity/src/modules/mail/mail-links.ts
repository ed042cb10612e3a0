/** Where links in mails lead. */
export interface MailLinks {
  /**
   * The token is in the fragment, which browsers send to no server, so it reaches no log and no referrer.
   * @param path Of the portal, for example `/verify-email`.
   */
  withToken(path: string, token: string): string;
  to(path: string): string;
}

/** @param publicUrl What the platform is reached at, with or without a path. */
export function createMailLinks(publicUrl: string): MailLinks {
  const base = publicUrl.replace(/\/+$/, '');
  return {
    withToken: (path, token) => `${base}${path}#token=${encodeURIComponent(token)}`,
    to: (path) => base + path,
  };
}
