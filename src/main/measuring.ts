import type { Settings } from '#domain/settings/settings.ts';
import type { Apps } from '#engine/apps/apps.ts';
import { Advisor } from '#engine/advise/advisor.ts';
import { Sampler } from '#engine/advise/sampler.ts';
import { Autoscaler, type AutoscalerParts } from '#engine/autoscale/autoscaler.ts';
import type { Adapters } from '#main/adapters.ts';

type Nouns = Pick<AutoscalerParts, 'containers' | 'services' | 'ingress' | 'events' | 'report'> & {
  apps: Apps;
};

/** Constructs and starts what follows from measured use: numbers of replicas, and advice on limits. */
export function startMeasuring(
  { autoscale, advise }: Settings,
  { store, clock, metricSource: metrics, projectFiles: files }: Adapters,
  nouns: Nouns,
): { autoscaler: Autoscaler; sampler: Sampler; advisor: Advisor } {
  const { apps, containers, report } = nouns;
  const { capacity } = apps.host;
  const { period } = autoscale;
  const autoscaler = new Autoscaler({ ...nouns, capacity, metrics, store, clock, period });
  const sampler = new Sampler({ containers, store, clock, period: advise.period, report });
  autoscaler.start();
  sampler.start();
  return { autoscaler, sampler, advisor: new Advisor({ apps, sampler, files }) };
}
