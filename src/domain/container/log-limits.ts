import type { HostConfig } from '#domain/container/config.ts';
import { checkTag } from '#domain/container/log-tag.ts';
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

/** Options by driver; both drivers keep the same kind of file. */
const drivers: Readonly<Record<string, readonly string[]>> = {
  'json-file': ['max-size', 'max-file', 'labels', 'labels-regex', 'env', 'env-regex', 'tag', 'compress'],
  local: ['max-size', 'max-file', 'compress'],
  none: [],
};
const forAll = ['mode', 'max-buffer-size'];
/** Docker's that send logs away. */
const remote = ['journald', 'syslog', 'fluentd', 'gelf', 'awslogs', 'splunk', 'gcplogs', 'etwlogs'];

/** @throws invalid `log-driver-unknown`, `log-option-unknown`, `log-option-invalid` with Docker's words */
export function checkLogConfig(config: LogConfig): void {
  const driver = config?.Type || 'json-file';
  const options = drivers[driver];
  if (options === undefined) throw unknownDriver(driver);
  for (const [key, value] of Object.entries(config?.Config ?? {})) {
    if (![...options, ...forAll].includes(key))
      throw invalid('log-option-unknown', `unknown log opt '${key}' for ${driver} log driver`);
    checkValue(key, value);
  }
  logLimits(config);
}

function unknownDriver(driver: string): Error {
  const hint =
    'use json-file, local or none, and read or forward logs through the API (docker logs --follow)';
  return remote.includes(driver)
    ? invalid('log-driver-unsupported', `the log driver '${driver}' is not supported: ${hint}`)
    : invalid('log-driver-unknown', `logger: no log driver named '${driver}' is registered`, { hint });
}

function checkValue(key: string, value: string): void {
  if (key.endsWith('-regex')) checkPattern(key, value);
  else if (key === 'tag') checkTag(value);
  else if (key === 'mode' && value !== 'blocking' && value !== 'non-blocking')
    throw invalid('log-option-invalid', `logger: invalid logging mode: '${value}'`);
}

function checkPattern(key: string, pattern: string): void {
  try {
    new RegExp(pattern);
  } catch (error) {
    throw invalid('log-option-invalid', `invalid ${key}: '${pattern}' is no regular expression`, {
      cause: error,
    });
  }
}

/** Options that are taken and change nothing. */
export function logWarnings(config: LogConfig): string[] {
  const { compress, mode } = config?.Config ?? {};
  return [
    ...(compress === 'true'
      ? ['The log option compress has no effect: older log files stay as they are.']
      : []),
    ...(mode === 'non-blocking'
      ? ['The log option mode=non-blocking has no effect: output is always written to a file at once.']
      : []),
  ];
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
