import { newSubject, policyChanges, probe, type PolicyChange } from '@weir/e2e/policy-changes';
import type { Session } from '@weir/e2e/graphql';
import { openSeeding, type Seeding } from '@weir/e2e/seeding';
import type { Weir } from './weir-targets.ts';

export interface PolicyLatency {
  readonly change: string;
  /** Milliseconds, one per change. */
  readonly samples: readonly number[];
}

const GIVE_UP_MS = 10_000;

/** From the moment a change is done to the first request that meets it on the proxy that learns of it last. */
export async function policyLatencies(
  weir: Weir,
  session: Session,
  times: number,
): Promise<readonly PolicyLatency[]> {
  const seeding = await openSeeding(weir.databaseUrl, weir.access.organizationId);
  try {
    const found: PolicyLatency[] = [];
    for (const change of policyChanges(seeding, session)) {
      const samples: number[] = [];
      for (let time = 0; time < times; time++) samples.push(await latencyOf(change, weir, seeding));
      found.push({ change: change.name, samples });
    }
    return found;
  } finally {
    await seeding.close();
  }
}

async function latencyOf(change: PolicyChange, weir: Weir, seeding: Seeding): Promise<number> {
  const { inferenceUrls } = weir.access;
  const subject = await newSubject(seeding);
  // So that every proxy has the policy of before.
  for (const url of inferenceUrls) {
    const before = await probe(url, subject);
    if (change.isSeenBy(before)) throw new Error(`${change.name} was there before it was made`);
  }
  await change.apply(subject);
  const changedAt = performance.now();
  const seenAfter = await Promise.all(
    inferenceUrls.map(async (url) => {
      for (;;) {
        const askedAt = performance.now();
        if (change.isSeenBy(await probe(url, subject))) return askedAt - changedAt;
        if (askedAt - changedAt > GIVE_UP_MS) throw new Error(`${change.name} is not seen at ${url}`);
      }
    }),
  );
  await change.undo?.();
  return Math.max(...seenAfter);
}
