import type { Settings } from '#domain/settings/settings.ts';
import type { Apps } from '#engine/apps/apps.ts';
import { Autoscaler, type AutoscalerParts } from '#engine/autoscale/autoscaler.ts';
import type { Adapters } from '#main/adapters.ts';

type Nouns = Pick<AutoscalerParts, 'containers' | 'services' | 'ingress' | 'events' | 'report'> & {
  apps: Apps;
};

/** Constructs what gives services as many replicas as they need, and starts it. */
export function startAutoscaler(
  { autoscale }: Settings,
  { store, clock, metricSource: metrics }: Adapters,
  nouns: Nouns,
): Autoscaler {
  const { capacity } = nouns.apps.host;
  const { period } = autoscale;
  const autoscaler = new Autoscaler({ ...nouns, capacity, metrics, store, clock, period });
  autoscaler.start();
  return autoscaler;
}
