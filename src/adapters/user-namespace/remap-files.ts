import { textIfThere } from '#adapters/files/if-there.ts';
import type { IdMappings } from '#domain/user-namespace/id-mappings.ts';
import { remapOf } from '#domain/user-namespace/remap.ts';

/** The mappings for a setting by the host's files. @throws invalid `userns-remap-invalid` */
export async function readRemap(setting: string): Promise<IdMappings> {
  const [passwd, group, subuid, subgid] = await Promise.all(
    ['passwd', 'group', 'subuid', 'subgid'].map((name) => textIfThere(`/etc/${name}`)),
  );
  return remapOf(setting, {
    passwd: passwd ?? '',
    group: group ?? '',
    subuid: subuid ?? '',
    subgid: subgid ?? '',
  });
}
