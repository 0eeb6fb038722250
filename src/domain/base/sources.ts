/** One line of apt's sources, whatever the file's format was. */
export interface Source {
  uri: string;
  suite: string;
  components: string[];
  /** Keyring paths or an embedded key; undefined: the host's trusted keys. */
  signedBy?: string;
}

/** The archive that a host without Debian sources of its own uses. */
const defaultArchive = 'http://deb.debian.org/debian';
const defaultKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Release dates, in seconds: the newest time in an image, so that the same packages give the same bytes. */
const released: Record<string, number> = {
  buster: Date.UTC(2019, 6, 6) / 1000,
  bullseye: Date.UTC(2021, 7, 14) / 1000,
  bookworm: Date.UTC(2023, 5, 10) / 1000,
  trixie: Date.UTC(2025, 7, 9) / 1000,
};

/** The newest release first. */
export const knownSuites: readonly string[] = Object.keys(released).toReversed();

/** A suite that has no release date (testing, sid) counts from 2020. */
export function epochOf(suite: string): number {
  return released[suite] ?? Date.UTC(2020, 0, 1) / 1000;
}

/** sources.list(5), one-line style. */
export function parseOneLine(text: string): Source[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    const [, options, uri, suite, components] = match ?? [];
    if (uri === undefined || suite === undefined) return [];
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options ?? '')?.[1];
    return [{ uri, suite, components: words(components), ...(signedBy === undefined ? {} : { signedBy }) }];
  });
}

/** sources.list(5), deb822 style. Embedded keys are kept as they are. */
export function parseDeb822(text: string): Source[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = deb822Fields(stanza);
    if (!words(fields.get('types')).includes('deb') || /^no$/i.test(fields.get('enabled') ?? '')) return [];
    const signedBy = fields.get('signed-by');
    return words(fields.get('uris')).flatMap((uri) =>
      words(fields.get('suites')).map((suite) => ({
        uri,
        suite,
        components: words(fields.get('components')),
        ...(signedBy === undefined ? {} : { signedBy }),
      })),
    );
  });
}

function deb822Fields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
    if (match?.[1] !== undefined) {
      last = match[1].toLowerCase();
      fields.set(last, match[2] ?? '');
    } else if (/^\s/.test(line) && last !== '') fields.set(last, `${fields.get(last) ?? ''}\n${line}`);
  }
  return fields;
}

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter((word) => word !== '');

/**
 * The sources that serve `suite`.
 * @param host what the host uses
 * @param hostSuite the host's own suite; '' when it is not Debian. Its archives serve the other suites too
 */
export function sourcesFor(suite: string, host: Source[], hostSuite: string): Source[] {
  const exact = host.filter((source) => serves(source.suite, suite));
  if (exact.length > 0) return exact;
  const own = hostSuite === '' ? [] : host.filter((source) => serves(source.suite, hostSuite));
  if (own.length > 0)
    return own.map((source) => ({ ...source, suite: source.suite.replace(hostSuite, suite) }));
  return debianAt(defaultArchive, suite);
}

/**
 * A mirror that the settings name: the archive, and its security companion where mirrors have it.
 * @param keyring path of the keys that sign it; '': Debian's own
 */
export function debianAt(archive: string, suite: string, keyring = ''): Source[] {
  const source = (uri: string, name: string): Source => ({
    uri,
    suite: name,
    components: ['main'],
    signedBy: keyring === '' ? defaultKeyring : keyring,
  });
  const main = [source(archive, suite)];
  if (suite === 'sid' || suite === 'unstable') return main;
  return [...main, source(archive, `${suite}-updates`), source(`${archive}-security`, `${suite}-security`)];
}

function serves(name: string, suite: string): boolean {
  return [suite, `${suite}-updates`, `${suite}-security`].includes(name);
}

/** A deb822 file for apt. */
export function formatSources(sources: Source[]): string {
  return sources
    .map(
      ({ uri, suite, components, signedBy }) =>
        `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: ${components.join(' ')}\n` +
        (signedBy === undefined ? '' : `Signed-By: ${signedBy}\n`),
    )
    .join('\n');
}
