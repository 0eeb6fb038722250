import { own } from '#base/own.ts';

/** What `--build-arg` gave and what the ARGs before the first FROM hold. */
export interface BuildArguments {
  given: Record<string, string>;
  globals: Record<string, string>;
}

/** Usable in RUN without an ARG; they neither key the cache nor stand in the history unless an ARG names them. */
const predefined = new Set([
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
]);

/** Value of `ARG name[=standard]` in a stage: the given one, its own default, the global one of the name. */
export function argumentValue(
  { given, globals }: BuildArguments,
  name: string,
  standard: string | undefined,
): string | undefined {
  return own(given, name) ?? standard ?? own(globals, name);
}

/** The proxies that were given: `name=value`. */
export function proxyArguments(given: Record<string, string>): string[] {
  return Object.entries(given).flatMap(([name, value]) => (predefined.has(name) ? [`${name}=${value}`] : []));
}

/** The given arguments that nothing in the file takes, in order. */
export function unconsumed(given: Record<string, string>, declared: Set<string>): string[] {
  return Object.keys(given)
    .filter((name) => !declared.has(name) && !predefined.has(name))
    .sort();
}

/** TARGETPLATFORM and so on, for a platform such as `linux/arm64/v8`, of target and machine. */
export function platformArguments(target: string, machine: string): Record<string, string> {
  return { ...platformParts('TARGET', target), ...platformParts('BUILD', machine) };
}

function platformParts(prefix: string, platform: string): Record<string, string> {
  const [os = '', architecture = '', variant = ''] = platform.split('/');
  return {
    [`${prefix}PLATFORM`]: platform,
    [`${prefix}OS`]: os,
    [`${prefix}ARCH`]: architecture,
    [`${prefix}VARIANT`]: variant,
  };
}
