import type { Deploy, Reservations, RestartRule, UpdateRule } from '#domain/app/deploy.ts';
import { readPlacement } from './read-placement.ts';
import { compact, type Reader } from './reader.ts';

/** `deploy` of a service, but for what the engine's API has fields for (replicas, limits). */
export function readDeploy(deploy: Reader, replicas: number): Deploy | undefined {
  if (!deploy.present) return undefined;
  const update = deploy.at('update_config');
  return compact<Deploy>({
    mode:
      deploy.at('mode').oneOf(['replicated', 'global', 'replicated-job', 'global-job'] as const) ??
      'replicated',
    endpointMode: deploy.at('endpoint_mode').oneOf(['vip', 'dnsrr'] as const),
    labels: deploy.at('labels').record(),
    update: readRule(update, ['pause', 'continue', 'rollback']),
    rollback: readRule(deploy.at('rollback_config'), ['pause', 'continue']),
    restart: readRestart(deploy.at('restart_policy')),
    reservations: readReservations(deploy.at('resources').at('reservations')),
    placement: readPlacement(deploy.at('placement'), replicas),
  });
}

function readRule(
  rule: Reader,
  actions: readonly NonNullable<UpdateRule['failureAction']>[],
): UpdateRule | undefined {
  if (!rule.present) return undefined;
  return compact<UpdateRule>({
    parallelism: rule.at('parallelism').integer(),
    delay: rule.at('delay').seconds(),
    failureAction: rule.at('failure_action').oneOf(actions),
    monitor: rule.at('monitor').seconds(),
    maxFailureRatio: readRatio(rule.at('max_failure_ratio')),
    order: rule.at('order').oneOf(['start-first', 'stop-first'] as const),
  });
}

function readRatio(ratio: Reader): number | undefined {
  const value = ratio.number();
  if (value === undefined || (value >= 0 && value <= 1)) return value;
  ratio.complain('compose-invalid-value', `found ${value}, required is a share from 0 to 1`);
  return undefined;
}

function readRestart(policy: Reader): RestartRule | undefined {
  if (!policy.present) return undefined;
  return compact<RestartRule>({
    condition: policy.at('condition').oneOf(['none', 'on-failure', 'any'] as const) ?? 'any',
    delay: policy.at('delay').seconds(),
    maxAttempts: policy.at('max_attempts').integer(),
    window: policy.at('window').seconds(),
  });
}

function readReservations(reservations: Reader): Reservations | undefined {
  const found = compact<Reservations>({
    cpus: reservations.at('cpus').number(),
    memory: reservations.at('memory').bytes(),
  });
  return Object.keys(found).length === 0 ? undefined : found;
}
