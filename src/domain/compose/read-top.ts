import type { AppNetwork, AppVolume } from '#domain/app/model.ts';
import { compact, type Reader } from './reader.ts';

/** `networks` at the top; the default one is always there. */
export function readNetworkDefinitions(app: string, networks: Reader): Record<string, AppNetwork> {
  const defined = Object.fromEntries(
    networks.entries().map(([key, one]) => [key, readNetwork(app, key, one)]),
  );
  return 'default' in defined
    ? defined
    : { ...defined, default: readNetwork(app, 'default', networks.at('default')) };
}

function readNetwork(app: string, key: string, one: Reader): AppNetwork {
  const { external, name } = readExternal(app, key, one);
  return compact<AppNetwork>({
    name,
    external,
    driver: one.at('driver').text(),
    driverOpts: one.at('driver_opts').record(),
    internal: one.at('internal').boolean() ?? false,
    attachable: one.at('attachable').boolean() ?? false,
    ipv6: one.at('enable_ipv6').boolean() ?? false,
    labels: one.at('labels').record(),
    pools: one
      .at('ipam')
      .at('config')
      .items()
      .map((pool) => {
        const auxiliary = pool.at('aux_addresses').record();
        return compact<AppNetwork['pools'][number]>({
          subnet: pool.at('subnet').text(),
          ipRange: pool.at('ip_range').text(),
          gateway: pool.at('gateway').text(),
          auxiliary: Object.keys(auxiliary).length === 0 ? undefined : auxiliary,
        });
      }),
  });
}

/** `volumes` at the top. */
export function readVolumeDefinitions(app: string, volumes: Reader): Record<string, AppVolume> {
  return Object.fromEntries(
    volumes.entries().map(([key, one]) => {
      const { external, name } = readExternal(app, key, one);
      const volume = compact<AppVolume>({
        name,
        external,
        driver: one.at('driver').text(),
        driverOpts: one.at('driver_opts').record(),
        labels: one.at('labels').record(),
      });
      return [key, volume];
    }),
  );
}

const ofExternal = new Set(['external', 'name']);

/** What is made elsewhere has the settings that it was made with. */
function refuseSettings(key: string, one: Reader): void {
  for (const [setting, value] of one.entries())
    if (!ofExternal.has(setting) && value.present)
      value.complain('compose-contradiction', `'${key}' is external, but ${setting} is given too`);
}

/** Whether it was made outside of the file, and its name in the engine. */
export function readExternal(app: string, key: string, one: Reader): { external: boolean; name: string } {
  const mark = one.at('external');
  const external = mark.tree?.kind === 'map' || mark.boolean() === true;
  const name = one.at('name').text() ?? mark.at('name').text();
  if (external) refuseSettings(key, one);
  return { external, name: name ?? (external ? key : `${app}_${key}`) };
}
