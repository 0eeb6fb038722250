import { invalid, messageOf } from '#base/errors.ts';
import type { SeccompSpec, SyscallRule } from '#domain/container/runtime-spec.ts';
import type { HostFacts } from '#domain/container/spec-input.ts';

// Docker's profile format: the runtime specification's rules with conditions, which are settled here.

export interface Condition {
  caps?: string[];
  /** Go's names: amd64, arm64 ... */
  arches?: string[];
  /** `major.minor`. */
  minKernel?: string;
}

export interface ConditionalRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: NonNullable<SyscallRule['args']>;
  includes?: Condition;
  excludes?: Condition;
}

export interface Profile {
  defaultAction: string;
  defaultErrnoRet?: number;
  archMap?: { architecture: string; subArchitectures: string[] | null }[];
  architectures?: string[];
  syscalls: ConditionalRule[];
}

interface Circumstances {
  capabilities: readonly string[];
  host: Pick<HostFacts, 'architecture' | 'kernel'>;
}

const goArchitecture = { x64: 'amd64', arm64: 'arm64' } as const;
const seccompArchitecture = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' } as const;

/** The rules of a profile that hold for these capabilities on this host. */
export function settleProfile(profile: Profile, circumstances: Circumstances): SeccompSpec {
  const rules = profile.syscalls.filter((rule) => applies(rule, circumstances));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architectures(profile, circumstances),
    syscalls: rules.map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args === undefined || args.length === 0 ? {} : { args }),
    })),
  };
}

function architectures(profile: Profile, { host }: Circumstances): string[] {
  const native = seccompArchitecture[host.architecture];
  const mapped = profile.archMap?.find(({ architecture }) => architecture === native);
  if (mapped !== undefined) return [native, ...(mapped.subArchitectures ?? [])];
  return profile.architectures ?? [];
}

/** Each condition that is named must hold; of an exclusion, one that holds is enough. */
function applies(
  { includes = {}, excludes = {} }: ConditionalRule,
  { capabilities, host }: Circumstances,
): boolean {
  const has = (name: string): boolean => capabilities.includes(name);
  const here = (arches: string[] | undefined): boolean =>
    arches?.includes(goArchitecture[host.architecture]) === true;
  const recent = (version: string): boolean => isAtLeast(host.kernel, version);
  const included =
    (!includes.arches?.length || here(includes.arches)) &&
    (includes.caps ?? []).every(has) &&
    (includes.minKernel === undefined || recent(includes.minKernel));
  const excluded =
    here(excludes.arches) ||
    (excludes.caps ?? []).some(has) ||
    (excludes.minKernel !== undefined && recent(excludes.minKernel));
  return included && !excluded;
}

function isAtLeast(kernel: HostFacts['kernel'], wanted: string): boolean {
  const [major = 0, minor = 0] = wanted.split('.').map(Number);
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor);
}

/**
 * A profile given as JSON text (the client reads the file).
 * @throws invalid `seccomp-profile` with Docker's words
 */
export function parseProfile(text: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad(messageOf(error), error);
  }
  if (!isRecord(value) || typeof value.defaultAction !== 'string')
    throw bad("'defaultAction' must be the name of an action");
  const syscalls = value.syscalls ?? [];
  if (!Array.isArray(syscalls)) throw bad("'syscalls' must be a list");
  return {
    defaultAction: value.defaultAction,
    ...(typeof value.defaultErrnoRet === 'number' ? { defaultErrnoRet: value.defaultErrnoRet } : {}),
    ...parseArchitectures(value),
    syscalls: syscalls.map(parseRule),
  };
}

function parseArchitectures(value: Record<string, unknown>): Pick<Profile, 'archMap' | 'architectures'> {
  const { archMap, architectures: listed } = value;
  if (Array.isArray(archMap) && archMap.length > 0) {
    if (Array.isArray(listed) && listed.length > 0)
      throw bad(
        "'architectures' and 'archMap' were specified in the seccomp profile, use either 'architectures' or 'archMap'",
      );
    return {
      archMap: archMap.filter(isRecord).map((entry) => ({
        architecture: String(entry.architecture),
        subArchitectures: strings(entry.subArchitectures),
      })),
    };
  }
  return { architectures: strings(listed) };
}

function parseRule(rule: unknown): ConditionalRule {
  if (!isRecord(rule) || typeof rule.action !== 'string')
    throw bad(`a rule must have an 'action': found ${JSON.stringify(rule)}`);
  const { name } = rule;
  const names = strings(rule.names);
  if (typeof name === 'string' && name !== '' && names.length > 0)
    throw bad("'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'");
  return {
    names: typeof name === 'string' && name !== '' ? [name] : names,
    action: rule.action,
    ...(typeof rule.errnoRet === 'number' ? { errnoRet: rule.errnoRet } : {}),
    args: Array.isArray(rule.args) ? rule.args.filter(isRecord).map(parseArgument) : [],
    includes: parseCondition(rule.includes),
    excludes: parseCondition(rule.excludes),
  };
}

function parseArgument(argument: Record<string, unknown>): NonNullable<SyscallRule['args']>[number] {
  return {
    index: Number(argument.index ?? 0),
    value: Number(argument.value ?? 0),
    valueTwo: Number(argument.valueTwo ?? 0),
    op: String(argument.op),
  };
}

function parseCondition(value: unknown): Condition {
  if (!isRecord(value)) return {};
  return {
    caps: strings(value.caps),
    arches: strings(value.arches),
    ...(typeof value.minKernel === 'string' ? { minKernel: value.minKernel } : {}),
  };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(reason: string, cause?: unknown): Error {
  return invalid('seccomp-profile', `Decoding seccomp profile failed: ${reason}`, { cause });
}
