import type { MailContent } from './mail-content.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

const greeting = ({ greet }: MailContent): string => (greet === undefined ? 'Hello,' : `Hello ${greet},`);

/** For readers without HTML. The link stands on a line of its own, so that programs wrap and find it. */
export function renderText(content: MailContent): string {
  const { action } = content;
  const blocks = [
    greeting(content),
    ...content.paragraphs,
    ...(action ? [`${action.label}:\n${action.url}`, `Or enter this code:\n${action.code}`] : []),
    ...content.closing,
  ];
  return `${blocks.join('\n\n')}\n`;
}

const paragraph = (html: string): string => `<p style="margin:0 0 16px">${html}</p>`;

/** A whole document without scripts, images or anything else from elsewhere. */
export function renderHtml(content: MailContent): string {
  const { action } = content;
  const texts = (list: readonly string[]) => list.map((text) => paragraph(escapeHtml(text)));
  const blocks = [
    ...texts([greeting(content), ...content.paragraphs]),
    ...(action
      ? [
          paragraph(`<a href="${escapeHtml(action.url)}">${escapeHtml(action.label)}</a>`),
          paragraph(`Or enter this code: <code>${escapeHtml(action.code)}</code>`),
        ]
      : []),
    ...texts(content.closing),
  ];
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(content.subject)}</title></head>
<body style="font-family:sans-serif;line-height:1.5;color:#1a1a1a">
${blocks.join('\n')}
</body>
</html>
`;
}
