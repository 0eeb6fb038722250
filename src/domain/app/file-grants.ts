import type { AppModel, FileGrant, Mount, Service } from './model.ts';

/** The one place where the secrets and configs of a service become mounts. */
export function grantMounts(model: AppModel, service: Service): Mount[] {
  return [
    ...service.secrets.flatMap((grant) => fileMount(grant, model.secrets[grant.source]?.from)),
    ...service.configs.flatMap((grant) => fileMount(grant, model.configs[grant.source]?.from)),
  ];
}

function fileMount({ target }: FileGrant, from: { kind: string; path?: string } | undefined): Mount[] {
  if (from?.path === undefined) return [];
  return [{ type: 'bind', source: from.path, target, readOnly: true, bind: { create: false } }];
}
