import type { Report } from './shared.ts';

/** Reports that Redis did not take. Of each deployment the latest, which says all that still matters. */
export interface Unsent {
  add(report: Report): void;
  /** All of them, the oldest first; they are here no longer. */
  take(): readonly Report[];
}

/** @param reportsMax Beyond it the oldest is dropped: its deployment is found out about anew. */
export function createUnsent(reportsMax: number): Unsent {
  const reports = new Map<string, Report>();
  return {
    add(report) {
      reports.delete(report.deployment);
      if (reports.size >= reportsMax) {
        const oldest = reports.keys().next();
        if (oldest.done !== true) reports.delete(oldest.value);
      }
      reports.set(report.deployment, report);
    },
    take() {
      const taken = [...reports.values()];
      reports.clear();
      return taken;
    },
  };
}
