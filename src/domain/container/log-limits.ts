import type { HostConfig } from '#domain/container/config.ts';
import { checkTag } from '#domain/container/log-tag.ts';
import { checkSyslogOptions } from '#domain/log/syslog-options.ts';
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

const attributes = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];
/** Of the file that is kept besides what is sent away, from which `docker logs` reads. */
const cache = ['cache-disabled', 'cache-max-size', 'cache-max-file', 'cache-compress'];
const syslog = ['address', 'facility', 'format', 'tls-ca-cert', 'tls-cert', 'tls-key', 'tls-skip-verify'];
/** Options by driver; all but `none` keep the same kind of file. */
const drivers: Readonly<Record<string, readonly string[]>> = {
  'json-file': ['max-size', 'max-file', 'compress', ...attributes],
  local: ['max-size', 'max-file', 'compress'],
  journald: [...attributes, ...cache],
  syslog: [...syslog.map((option) => `syslog-${option}`), ...attributes, ...cache],
  none: [],
};
const forAll = ['mode', 'max-buffer-size'];
/** The names that `docker info` lists. */
export const logDrivers: readonly string[] = Object.keys(drivers).sort();
/** Docker's that send logs away by a protocol that is not offered. */
const remote = ['fluentd', 'gelf', 'awslogs', 'splunk', 'gcplogs', 'etwlogs'];

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
  checkBuffer(config?.Config ?? {});
  if (driver === 'syslog') checkSyslogOptions(config?.Config ?? {});
  logLimits(config);
}

function checkBuffer(options: Readonly<Record<string, string>>): void {
  const size = options['max-buffer-size'];
  if (size === undefined) return;
  if (options['mode'] !== 'non-blocking')
    throw invalid(
      'log-option-invalid',
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    );
  if (parseBytes(size) === undefined)
    throw invalid('log-option-invalid', `error parsing option max-buffer-size: '${size}' is no size`, {
      hint: 'write 4m',
    });
}

function unknownDriver(driver: string): Error {
  const hint = 'use syslog or journald, or read and forward logs through the API (docker logs --follow)';
  return remote.includes(driver)
    ? invalid('log-driver-unsupported', `the log driver '${driver}' is not supported: ${hint}`)
    : invalid(
        'log-driver-unknown',
        `error looking up logging plugin ${driver}: plugin "${driver}" not found`,
        { hint },
      );
}

function checkValue(key: string, value: string): void {
  if (key.endsWith('-regex')) checkPattern(key, value);
  else if (key === 'tag') checkTag(value);
  else if (key === 'mode' && value !== 'blocking' && value !== 'non-blocking')
    throw invalid('log-option-invalid', `logger: logging mode not supported: ${value}`);
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
  const { compress, mode, 'cache-compress': cached } = config?.Config ?? {};
  return [
    ...(compress === 'true' || cached === 'true'
      ? ['The log option compress has no effect: older log files stay as they are.']
      : []),
    ...(mode === 'non-blocking' && !sendsLogs(config)
      ? ['The log option mode=non-blocking has no effect: output is always written to a file at once.']
      : []),
  ];
}

/** Whether the driver sends the output away; its file is then what `docker logs` reads, and what is still to be sent. */
export function sendsLogs(config: LogConfig): boolean {
  return config?.Type === 'syslog' || config?.Type === 'journald';
}

/** Whether `docker logs` may be asked. */
export function isReadable(config: LogConfig): boolean {
  return config?.Type !== 'none' && config?.Config?.['cache-disabled'] !== 'true';
}

/** Bytes that wait for a receiver at most; undefined: no limit but the file's. */
export function bufferBytes(config: LogConfig): number | undefined {
  const { mode, 'max-buffer-size': size } = config?.Config ?? {};
  return mode === 'non-blocking' ? parseBytes(size ?? '1m') : undefined;
}

/** @throws invalid `log-option-invalid` */
export function logLimits(config: LogConfig): LogLimits {
  const options = config?.Config ?? {};
  const prefix = sendsLogs(config) ? 'cache-' : '';
  const size = options[`${prefix}max-size`];
  const files = options[`${prefix}max-file`];
  return {
    maxBytes: size === undefined || size === '-1' ? defaults.maxBytes : bytesOf(size),
    maxFiles: files === undefined ? (size === undefined ? defaults.maxFiles : 1) : count(files),
  };
}

/** Never less than so much, so that who looks at logs once a second comes in time. */
const leastBytesByItself = 256 * 1024 * 1024;

/**
 * Bytes of output after which the monitor begins a new file although nobody tells it: what it wrote since the last time that it
 * did so, whatever came between. A log grows by three times of it at most while nobody looks at it, and keeps what the limits
 * promise.
 */
export function monitorFileBytes(config: LogConfig): number {
  const { maxBytes, maxFiles } = logLimits(config);
  return Math.max(leastBytesByItself, maxBytes * maxFiles);
}

function bytesOf(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw invalid('log-option-invalid', `invalid size: '${text}'`, {
    hint: 'write the log option max-size as 10m',
  });
}

function count(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw invalid('log-option-invalid', `max-file cannot be less than 1: '${text}'`);
}
