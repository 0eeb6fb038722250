import { invalid } from '#base/errors.ts';
import type { HostFacts } from '#domain/container/spec-input.ts';

export interface SecurityOptions {
  noNewPrivileges: boolean;
  /** `unconfined`, or the text of a profile; absent: the default profile. */
  seccomp?: string;
  apparmor?: string;
}

/**
 * HostConfig.SecurityOpt. SELinux labels have no effect, which `securityWarnings` says.
 * @throws invalid `security-option` with Docker's words
 */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  const parsed: SecurityOptions = { noNewPrivileges: false };
  for (const option of options) apply(parsed, option);
  return parsed;
}

/** What of the security options the host cannot enforce. */
export function securityWarnings(options: readonly string[], host: Pick<HostFacts, 'apparmor'>): string[] {
  const labels = options.filter((option) => /^label[=:](?!disable$)/.test(option));
  const { apparmor } = parseSecurityOptions(options);
  return [
    ...labels.map((option) => `SELinux labels are not set: the security option '${option}' has no effect.`),
    ...(apparmor === undefined || apparmor === 'unconfined' || host.apparmor
      ? []
      : [`AppArmor is not enabled on this host: the profile '${apparmor}' has no effect.`]),
  ];
}

function apply(parsed: SecurityOptions, option: string): void {
  if (option === 'no-new-privileges') {
    parsed.noNewPrivileges = true;
    return;
  }
  // `:` separates in clients older than Docker 1.11.
  const [, key, value] = /^([^=:]+)[=:](.*)$/s.exec(option) ?? [];
  if (key === undefined || value === undefined)
    throw invalid('security-option', `invalid --security-opt 1: "${option}"`);
  switch (key) {
    case 'label':
      return;
    case 'apparmor':
      parsed.apparmor = value;
      return;
    case 'seccomp':
      parsed.seccomp = value;
      return;
    case 'no-new-privileges':
      if (value !== 'true' && value !== 'false')
        throw invalid('security-option', `invalid --security-opt 2: "${option}"`);
      parsed.noNewPrivileges = value === 'true';
      return;
    default:
      throw invalid('security-option', `invalid --security-opt 2: "${option}"`);
  }
}
