import type { Settings } from '#domain/settings/settings.ts';
import { Autoscaler, type AutoscalerParts } from '#engine/autoscale/autoscaler.ts';
import { HostCapacity } from '#engine/capacity/host-capacity.ts';
import type { Adapters } from '#main/adapters.ts';

type Nouns = Pick<AutoscalerParts, 'apps' | 'containers' | 'services' | 'ingress' | 'events' | 'report'>;

/** Constructs what gives services as many replicas as they need, and starts it. */
export function startAutoscaler(
  { autoscale }: Settings,
  { machine, store, clock, metricSource: metrics }: Adapters,
  nouns: Nouns,
): Autoscaler {
  const { apps, containers } = nouns;
  const capacity = new HostCapacity(machine, containers, () =>
    apps.names().flatMap((app) => {
      const { target, scale = {} } = apps.record(app) ?? {};
      return target === undefined ? [] : [{ model: target.model, scale }];
    }),
  );
  const { period } = autoscale;
  const autoscaler = new Autoscaler({ ...nouns, capacity, metrics, store, clock, period });
  autoscaler.start();
  return autoscaler;
}
