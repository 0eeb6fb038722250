import { invalid } from '#base/errors.ts';
import { own } from '#base/own.ts';
import type { Descriptor, Platform } from '#domain/image/manifest.ts';

const architectures: Record<string, string> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  x64: 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
  i386: '386',
  ia32: '386',
};

// What Go knows (internal/syslist): a word alone must be one of them to mean something.
const systems = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(
    ' ',
  ),
);
const knownArchitectures = new Set(
  '386 amd64 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm'.split(
    ' ',
  ),
);

/**
 * Reads `OS/ARCHITECTURE[/VARIANT]`, `OS` or `ARCHITECTURE` (containerd platforms.Parse); what is not
 * said is the host's.
 * @throws invalid `platform-invalid`
 */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part)))
    throw refused(text, 'cannot parse platform specifier');
  const [first = '', second, variant] = parts;
  if (second === undefined && systems.has(first)) return { ...host, os: first };
  if (second === undefined) {
    const found = machine(first);
    if (!knownArchitectures.has(found.architecture))
      throw refused(text, 'unknown operating system or architecture');
    return { os: host.os, ...found };
  }
  return { os: first, ...machine(second), ...(variant === undefined ? {} : { variant }) };
}

function refused(text: string, why: string): Error {
  return invalid('platform-invalid', `"${text}": ${why}: invalid argument`, {
    hint: 'required is OS/ARCHITECTURE[/VARIANT], such as linux/arm64',
  });
}

/** A platform in Go's words, as images name it. */
function machine(name: string): { architecture: string; variant?: string } {
  const architecture = own(architectures, name) ?? name;
  return name === 'armel' ? { architecture, variant: 'v6' } : { architecture };
}

/** `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined || variant === ''
    ? `${os}/${architecture}`
    : `${os}/${architecture}/${variant}`;
}

export function matchesPlatform(found: Platform, wanted: Platform): boolean {
  if (found.os !== wanted.os || found.architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || variantOf(found) === variantOf(wanted);
}

/** arm64 is v8 and arm is v7 where nothing is said. */
function variantOf({ architecture, variant = '' }: Platform): string {
  if (variant !== '') return variant;
  return architecture === 'arm64' ? 'v8' : architecture === 'arm' ? 'v7' : '';
}

/** The manifest of an index for a platform; attestations and other artifacts have none. */
export function selectManifest(manifests: Descriptor[], wanted: Platform): Descriptor | undefined {
  const fitting = manifests.filter(
    ({ platform }) => platform !== undefined && matchesPlatform(platform, wanted),
  );
  const exact = fitting.find(({ platform }) => platform?.variant === wanted.variant);
  const only = manifests.length === 1 && manifests[0]?.platform === undefined ? manifests[0] : undefined;
  return exact ?? fitting[0] ?? only;
}
