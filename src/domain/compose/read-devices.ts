import type { HostConfig } from '#domain/container/config.ts';
import { compact, type Reader } from './reader.ts';

type Request = Record<string, unknown>;

const vendorDevice = /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9_-]+=\S+$/;

/** `devices` of a service: SOURCE[:TARGET[:PERMISSIONS]], or its long form. */
export function readDevices(devices: Reader): NonNullable<HostConfig['Devices']> {
  return devices.items().flatMap((item) => {
    if (isVendorDevice(item)) return [];
    const parts = item.tree?.kind === 'map' ? [] : (item.text() ?? '').split(':');
    const source = item.at('source').text() ?? parts[0] ?? '';
    return [
      {
        PathOnHost: source,
        PathInContainer: item.at('target').text() ?? parts[1] ?? source,
        CgroupPermissions: item.at('permissions').text() ?? parts[2] ?? 'rwm',
      },
    ];
  });
}

function isVendorDevice(item: Reader): boolean {
  return item.tree?.kind === 'scalar' && vendorDevice.test(item.text() ?? '');
}

/** Devices that a description (CDI) or a driver gives: `devices`, `gpus` and `deploy.resources.reservations.devices`. */
export function readDeviceRequests(service: Reader): Request[] {
  const names = service
    .at('devices')
    .items()
    .filter(isVendorDevice)
    .map((item) => item.text() ?? '');
  const cdi = names.length === 0 ? [] : [{ Driver: 'cdi', DeviceIDs: names }];
  const reserved = service.at('deploy').at('resources').at('reservations').at('devices').items();
  return [...cdi, ...readGpus(service.at('gpus')), ...reserved.map((device) => readRequest(device, []))];
}

function readGpus(gpus: Reader): Request[] {
  if (gpus.text() === 'all') return [{ Count: -1, Capabilities: [['gpu']] }];
  return gpus.items().map((gpu) => readRequest(gpu, ['gpu']));
}

function readRequest(device: Reader, capabilities: readonly string[]): Request {
  const ids = device.at('device_ids').texts();
  const count = device.at('count');
  if (ids.length > 0 && count.present)
    device.complain('compose-contradiction', "a device has either 'count' or 'device_ids', not both");
  const all = count.text() === 'all' || (!count.present && ids.length === 0);
  const wanted = [...new Set([...capabilities, ...device.at('capabilities').texts()])];
  return compact({
    Driver: device.at('driver').text(),
    Count: ids.length > 0 ? undefined : all ? -1 : count.integer(),
    DeviceIDs: ids.length > 0 ? ids : undefined,
    Capabilities: [wanted],
    Options: device.at('options').present ? device.at('options').record() : undefined,
  });
}

/** `blkio_config` of a service. */
export function readBlockLimits(blkio: Reader): HostConfig {
  const rates = (key: string): { Path: string; Rate: number }[] | undefined => {
    const items = blkio.at(key).items();
    if (items.length === 0) return undefined;
    return items.map((item) => ({ Path: item.at('path').text() ?? '', Rate: item.at('rate').bytes() ?? 0 }));
  };
  const weights = blkio.at('weight_device').items();
  return compact<HostConfig>({
    BlkioWeight: blkio.at('weight').integer(),
    BlkioWeightDevice:
      weights.length === 0
        ? undefined
        : weights.map((item) => ({
            Path: item.at('path').text() ?? '',
            Weight: item.at('weight').integer() ?? 0,
          })),
    BlkioDeviceReadBps: rates('device_read_bps'),
    BlkioDeviceWriteBps: rates('device_write_bps'),
    BlkioDeviceReadIOps: rates('device_read_iops'),
    BlkioDeviceWriteIOps: rates('device_write_iops'),
  });
}
