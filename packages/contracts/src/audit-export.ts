import { z } from 'zod';

/** `POST` of the identity service: the token of a link in, the file out; a problem otherwise. */
export const AUDIT_EXPORT_INTERNAL_PATH = '/internal/audit-exports';

export const auditDownloadSchema = z.object({
  token: z.string(),
  ipAddress: z.string().nullable(),
  userAgent: z.string().nullable(),
  requestId: z.string().nullable(),
});

export type AuditDownload = z.output<typeof auditDownloadSchema>;
