import type { HostConfig } from '#domain/container/config.ts';
import { parseBytes } from '#domain/units/bytes.ts';
import { invalid } from '#base/errors.ts';

type LogConfig = HostConfig['LogConfig'];

export interface LogLimits {
  maxBytes: number;
  /** The present file included. */
  maxFiles: number;
}

/** On by default, as a log that nobody limits fills the disk one day. */
const defaults: LogLimits = { maxBytes: 20 * 1024 * 1024, maxFiles: 5 };

const drivers = ['', 'json-file', 'local', 'none'];
const options = [
  'max-size',
  'max-file',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
  'compress',
  'mode',
];

/** @throws invalid `log-driver-unknown`, `log-option-unknown`, `log-option-invalid` with Docker's words */
export function checkLogConfig(config: LogConfig): void {
  const driver = config?.Type ?? '';
  if (!drivers.includes(driver))
    throw invalid('log-driver-unknown', `logger: no log driver named '${driver}' is registered`, {
      hint: 'use json-file, local or none',
    });
  for (const key of Object.keys(config?.Config ?? {}))
    if (!options.includes(key))
      throw invalid('log-option-unknown', `unknown log opt '${key}' for ${driver || 'json-file'} log driver`);
  logLimits(config);
}

/** @throws invalid `log-option-invalid` */
export function logLimits(config: LogConfig): LogLimits {
  const size = config?.Config?.['max-size'];
  const files = config?.Config?.['max-file'];
  return {
    maxBytes: size === undefined || size === '-1' ? defaults.maxBytes : bytesOf(size),
    maxFiles: files === undefined ? (size === undefined ? defaults.maxFiles : 1) : count(files),
  };
}

function bytesOf(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw invalid('log-option-invalid', `invalid max-size: '${text}' is not a positive size`, {
    hint: 'write 10m',
  });
}

function count(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw invalid('log-option-invalid', `invalid max-file: '${text}' is not a positive number`);
}
