import { Prisma } from '@weir/prisma/client';

/** Whether a write failed because another row has the same unique value. */
export function isUniqueViolation(thrown: unknown): boolean {
  return thrown instanceof Prisma.PrismaClientKnownRequestError && thrown.code === 'P2002';
}
