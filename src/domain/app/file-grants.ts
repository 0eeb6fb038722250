import type { GrantedFile } from '#domain/container/granted-file.ts';
import type { SecretReference } from '#domain/secret/secret.ts';
import type { AppModel, FileGrant, Mount, Service } from './model.ts';

// The one place where the secrets and configs of a service become what its containers get: files on a tmpfs, with the
// versions that the store gave their values.

const everyone = 0o444;

export function grantedFiles(model: AppModel, service: Service): GrantedFile[] {
  return [
    ...service.secrets.flatMap((grant) => grantedFile(grant, model.secrets[grant.source]?.stored)),
    ...service.configs.flatMap((grant) => grantedFile(grant, model.configs[grant.source]?.stored)),
  ];
}

function grantedFile(
  { target, uid = '0', gid = '0', mode = everyone }: FileGrant,
  from: SecretReference | undefined,
): GrantedFile[] {
  return from === undefined ? [] : [{ target, uid: Number(uid), gid: Number(gid), mode, from }];
}

/** Files of the host, as apps have them that came up before there was a store: until their next `up`. */
export function grantMounts(model: AppModel, service: Service): Mount[] {
  return [
    ...service.secrets.flatMap((grant) => fileMount(grant, model.secrets[grant.source])),
    ...service.configs.flatMap((grant) => fileMount(grant, model.configs[grant.source])),
  ];
}

function fileMount(
  { target }: FileGrant,
  defined: { stored?: SecretReference; from: { kind: string; path?: string } } | undefined,
): Mount[] {
  if (defined?.from.path === undefined || defined.stored !== undefined) return [];
  return [{ type: 'bind', source: defined.from.path, target, readOnly: true, bind: { create: false } }];
}

/** What tells two grants apart: the version once there is one, else where the value comes from. */
export function grantSettings(
  grants: readonly FileGrant[],
  defined: Readonly<Record<string, { stored?: SecretReference; from: unknown } | undefined>>,
): unknown[] {
  return grants.map((grant) => {
    const { stored, from } = defined[grant.source] ?? {};
    return stored === undefined ? { ...grant, from } : { ...grant, stored };
  });
}
