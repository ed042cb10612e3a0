import { describe, expect, it } from 'vitest';
import { createMailLinks } from './mail-links.ts';
import { contentOf, type Mail } from './mail.ts';
import { renderHtml, renderText } from './render-mail.ts';

const links = createMailLinks('https://weir.example/console/');
const token = 'a-token_of 1';
const evil = `<script>alert("x")</script> & 'Co'`;

const MAILS: readonly Mail[] = [
  { kind: 'emailVerification', displayName: evil, organizationName: evil, token },
  { kind: 'organizationOwner', displayName: evil, organizationName: evil, token },
  { kind: 'organizationGranted', displayName: evil, organizationName: evil },
  { kind: 'addressTaken', displayName: evil },
  { kind: 'accountLocked', displayName: evil },
  { kind: 'emailChange', displayName: evil, token },
  { kind: 'emailChanged', displayName: evil, newEmail: 'new@example.org' },
  { kind: 'emailChangeNotice', displayName: evil, newEmail: 'new@example.org' },
  { kind: 'emailChangeTaken', displayName: evil },
  { kind: 'passwordChanged', displayName: evil },
  { kind: 'passwordReset', displayName: evil, token },
  { kind: 'secondFactorsChanged', displayName: evil, change: 'totpDisabled' },
  { kind: 'secondFactorsChanged', displayName: evil, change: 'reset' },
];

describe.each(MAILS)('the mail $kind', (mail) => {
  const content = contentOf(mail, links);

  it('is a well-formed document that shows names as text and fetches nothing', () => {
    const html = renderHtml(content);
    expect(html).not.toContain('<script');
    expect(html).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;Co&#39;');
    expect(html).not.toMatch(/src=|<img|<link|url\(/);
    // Every element that is opened is closed, in order; `meta` and the document type have no end.
    const open: string[] = [];
    for (const [, slash, name = ''] of html.matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
      if (name === 'meta') continue;
      if (slash === '/') expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
  });

  it('says the same as text', () => {
    const text = renderText(content);
    expect(text).toContain(`Hello ${evil},`);
    for (const paragraph of [...content.paragraphs, ...content.closing]) expect(text).toContain(paragraph);
  });

  it('asks for one thing at most, with a link on a line of its own', () => {
    const lines = renderText(content).split('\n');
    if (content.action === undefined) return;
    expect(lines).toContain(content.action.url);
    expect(content.action.url).toMatch(/^https:\/\/weir\.example\/console\/[a-z-]+#token=a-token_of%201$/);
    expect(lines).toContain(token);
    expect(renderHtml(content)).toContain(`href="${content.action.url}"`);
  });
});
