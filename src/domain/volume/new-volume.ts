import { invalid, notFound } from '#base/errors.ts';

/** What a volume's options ask to be mounted; undefined for a plain folder. */
export interface WantedMount {
  type: string;
  device: string;
  options: string;
}

/** Checks a name, in Docker's words. @throws invalid `volume-name-invalid` */
export function checkVolumeName(name: string): void {
  if (name.length === 1)
    throw invalid(
      'volume-name-invalid',
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) || name.length > 255)
    throw invalid(
      'volume-name-invalid',
      `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
}

/** @throws not-found `volume-driver-missing` for every driver but local */
export function checkVolumeDriver(driver: string): void {
  if (driver !== '' && driver !== 'local')
    throw notFound(
      'volume-driver-missing',
      `error looking up volume plugin ${driver}: plugin "${driver}" not found`,
    );
}

/** Reads the local driver's options. @throws invalid `volume-option-invalid` naming the option */
export function wantedMount(options: Readonly<Record<string, string>>): WantedMount | undefined {
  for (const key of Object.keys(options))
    if (!['type', 'device', 'o'].includes(key))
      throw invalid(
        'volume-option-invalid',
        key === 'size' ? 'quota size requested but no quota support' : `invalid option: "${key}"`,
      );
  if (Object.keys(options).length === 0) return undefined;
  const { type = '', device = '', o = '' } = options;
  for (const [key, value] of Object.entries({ device, type }))
    if (value === '') throw invalid('volume-option-invalid', `missing required option: "${key}"`);
  return { type, device, options: o };
}
