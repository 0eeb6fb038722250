import type { Hook, WatchRule } from '#domain/app/model.ts';
import type { ServiceContext } from './read-service.ts';
import { compact, type Reader } from './reader.ts';

/** `post_start` or `pre_stop` of a service: undefined when there is none. */
export function readHooks(hooks: Reader): Hook[] | undefined {
  const found = hooks.items().map(readHook);
  return found.length === 0 ? undefined : found;
}

function readHook(hook: Reader): Hook {
  const variables = [...hook.at('environment').variables()].map(([name, value]) => `${name}=${value}`);
  return compact<Hook>({
    command: hook.at('command').command() ?? [],
    user: hook.at('user').text(),
    privileged: hook.at('privileged').boolean() ?? false,
    workingDir: hook.at('working_dir').text(),
    environment: variables.sort(),
  });
}

/** `develop.watch` of a service. */
export function readWatch(watch: Reader, context: ServiceContext): WatchRule[] | undefined {
  const found = watch.items().flatMap((rule) => readRule(rule, context));
  return found.length === 0 ? undefined : found;
}

const actions = ['rebuild', 'sync', 'restart', 'sync+restart', 'sync+exec'] as const;

function readRule(rule: Reader, context: ServiceContext): WatchRule[] {
  const action = rule.at('action').oneOf(actions);
  const path = rule.at('path');
  if (action === undefined || !path.present) return [];
  const target = rule.at('target').text();
  if (target === undefined && action.startsWith('sync'))
    rule.complain('compose-missing-key', `the key 'target' is missing: the action ${action} needs one`);
  if (action === 'sync+exec' && !rule.at('exec').present)
    rule.complain('compose-missing-key', "the key 'exec' is missing: the action sync+exec runs it");
  const made = compact<WatchRule>({
    action,
    path: context.resolve(path.text() ?? '', path),
    target,
    ignore: rule.at('ignore').texts(),
    include: rule.at('include').texts(),
    exec: rule.at('exec').present ? readHook(rule.at('exec')) : undefined,
    initialSync: rule.at('initial_sync').boolean() ?? false,
  });
  return [made];
}
