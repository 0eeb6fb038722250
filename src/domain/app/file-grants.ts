import type { AppModel, FileGrant, Mount, Service } from './model.ts';

// The one place where the secrets and configs of a service become what its containers get: a mount of the host's
// file, or, for a config whose content the compose file has, a file of its own in the container.

/** A file that is put into a container before it starts. */
export interface GrantedFile {
  /** Absolute path in the container. */
  target: string;
  content: string;
  uid: number;
  gid: number;
  mode: number;
}

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

export function grantedFiles(model: AppModel, service: Service): GrantedFile[] {
  return service.configs.flatMap(({ source, target, uid, gid, mode }) => {
    const from = model.configs[source]?.from;
    if (from?.kind !== 'content') return [];
    const { content } = from;
    return [{ target, content, uid: Number(uid ?? 0), gid: Number(gid ?? 0), mode: mode ?? 0o444 }];
  });
}
