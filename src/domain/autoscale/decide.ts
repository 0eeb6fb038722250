import { floorAt } from './floor.ts';
import type { Autoscale } from './model.ts';
import { paceLimits, stabilized, type Recommendation, type ScaleEvent } from './pace.ts';
import { propose, type Measurement, type Proposal } from './proposal.ts';

/** All that a decision follows from. Times in milliseconds. */
export interface DecisionInput {
  rules: Autoscale;
  /** Replicas that there are to be now; 0: the service is switched off, and stays so. */
  current: number;
  measurements: readonly Measurement[];
  recommendations: readonly Recommendation[];
  events: readonly ScaleEvent[];
  /** The most replicas that the machine has room for, and what more of them would lack. */
  room?: { most: number; missing: string };
  now: number;
}

export interface Decision {
  current: number;
  /** What there are to be. */
  replicas: number;
  proposals: Proposal[];
  /** The highest proposal; undefined: the metrics said nothing that can be acted on. */
  recommended: number | undefined;
  /** The same after the windows. */
  stabilized: number;
  floor: number;
  ceiling: number;
  pace: { most: number; fewest: number };
  /** Why it is another number than recommended, and what is not known: for people. */
  limits: string[];
}

/** How many replicas a service is to have: the highest number that a metric asks for, within every limit. */
export function decide(input: DecisionInput): Decision {
  const { rules, current, measurements, recommendations, events, now } = input;
  const floor = floorAt(rules, now);
  const proposals = measurements.map((one) => propose(one, current, rules.tolerance));
  const limits: string[] = [];
  const recommended = highest(proposals, current, limits);
  const desired = recommended ?? current;
  const calm = stabilized(desired, current, recommendations, rules, now);
  if (calm !== desired) limits.push(windowWords(desired, calm, current, rules));
  const pace = paceLimits(current, events, rules, now);
  let replicas = calm;
  const limit = (to: number, words: string): void => {
    if (to !== replicas) limits.push(words);
    replicas = to;
  };
  limit(Math.min(replicas, pace.most), `the policies for up allow ${pace.most} now`);
  limit(Math.max(replicas, pace.fewest), `the policies for down allow ${pace.fewest} now`);
  const cron = floor.by === undefined ? 'min' : `the schedule '${floor.by.cron}'`;
  limit(Math.max(replicas, floor.replicas), `${cron} says at least ${floor.replicas}`);
  limit(Math.min(replicas, rules.max), `max says at most ${rules.max}`);
  const { room } = input;
  if (room !== undefined && replicas > current)
    limit(
      Math.min(replicas, Math.max(current, room.most)),
      `the machine has room for ${Math.max(current, room.most)}: ${room.missing}`,
    );
  return {
    ...{ current, replicas, proposals, recommended, stabilized: calm },
    ...{ floor: floor.replicas, ceiling: rules.max, pace, limits },
  };
}

/** A metric that is not known can ask for nothing, but it forbids that there be fewer. */
function highest(proposals: readonly Proposal[], current: number, limits: string[]): number | undefined {
  const known = proposals.flatMap(({ replicas }) => replicas ?? []);
  const unknown = proposals.filter(({ replicas }) => replicas === undefined);
  for (const { metric } of unknown) limits.push(`${metric} could not be measured`);
  if (known.length === 0) return undefined;
  const most = Math.max(...known);
  if (unknown.length > 0 && most < current) {
    limits.push('there are not fewer as long as a metric is not known');
    return undefined;
  }
  return most;
}

function windowWords(desired: number, calm: number, current: number, { up, down }: Autoscale): string {
  const window = desired > current ? up.window : down.window;
  return `within the last ${window} s ${calm} were asked for`;
}
