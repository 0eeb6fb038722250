import { invalid, notFound } from '#base/errors.ts';
import { upstreamVersion } from '#domain/package/debian-version.ts';
import { formatReference, type Reference } from '#domain/image/reference.ts';
import { catalogueEntry } from './recipes/catalogue.ts';

/** The registry whose images are made on the spot from signed packages. */
export const baseRegistry = 'debian.berth';

/** What an image is made of. */
export interface BaseName {
  /** Of the catalogue, such as python. */
  entry?: string;
  /** Debian packages besides, as written, without doubles. */
  packages: string[];
  suite: string;
}

/** What a name such as `debian.berth/python:3.11` or `debian.berth/nodejs/ca-certificates:bookworm` asks for. */
export interface BaseRequest extends Omit<BaseName, 'suite'> {
  /** Absent: the first that has the version. */
  suite?: string;
  /** Of an entry of the catalogue, such as 3.11; absent: whatever the suite has. */
  version?: string;
}

// Debian Policy 5.6.1; a name with `+` (g++) cannot be written in an image name.
const packagePattern = /^[a-z0-9][a-z0-9+.-]+$/;
const suitePattern = /^[a-z][a-z0-9-]*$/;
const versionPattern = /^(\d+(?:\.\d+)*)(?:-([a-z][a-z0-9]*))?$/;

/**
 * @throws invalid `base-package-name`, `base-by-digest`; not-found `suite-unknown` for packages without a tag that can be a
 * suite, `base-tag-unknown` for an entry of the catalogue with a tag that is neither suite nor version
 */
export function parseBaseName(reference: Reference): BaseRequest {
  const name = formatReference(reference);
  if (reference.digest !== undefined)
    throw invalid(
      'base-by-digest',
      `pull '${name}': an image made from packages has no digest to pull by: name a suite, such as debian.berth/nodejs:bookworm`,
    );
  const parts = reference.repository.split('/').filter((part) => part !== 'base');
  const [first = 'base', ...rest] = parts;
  const entry = catalogueEntry(first) === undefined ? undefined : first;
  const packages = checkedPackages(name, entry === undefined ? parts : rest);
  const { tag = 'latest' } = reference;
  if (entry === undefined) return { packages, suite: checkedSuite(reference, tag) };
  return { entry, packages, ...readTag(reference, tag) };
}

function checkedPackages(name: string, parts: string[]): string[] {
  const bad = parts.find((part) => !packagePattern.test(part));
  if (bad === undefined) return [...new Set(parts)];
  throw invalid(
    'base-package-name',
    `pull '${name}': '${bad}' is not a Debian package name: required are at least two of a-z 0-9 . -`,
  );
}

function checkedSuite(reference: Reference, tag: string): string {
  if (tag !== 'latest' && suitePattern.test(tag)) return tag;
  throw notFound(
    'suite-unknown',
    `pull '${formatReference(reference)}': '${tag}' is not a Debian suite: name one as the tag, such as ${reference.registry}/${reference.repository}:bookworm`,
  );
}

function readTag(reference: Reference, tag: string): Pick<BaseRequest, 'suite' | 'version'> {
  if (tag === 'latest') return {};
  if (suitePattern.test(tag)) return { suite: tag };
  const [, version, suite] = versionPattern.exec(tag) ?? [];
  if (version !== undefined) return { version, ...(suite === undefined ? {} : { suite }) };
  throw notFound(
    'base-tag-unknown',
    `pull '${formatReference(reference)}': the tag '${tag}' is neither a version such as 3.11, nor a Debian suite such as bookworm, nor both such as 3.11-bookworm`,
  );
}

/** The parts of a name, from which the same image can be asked for again. */
export function partsOf({ entry, packages }: Pick<BaseName, 'entry' | 'packages'>): string[] {
  return [...(entry === undefined ? [] : [entry]), ...packages];
}

/** The one name that images of the same content have in common, whatever tag they were asked for by. */
export function canonicalName(name: BaseName): string {
  return `${baseRegistry}/${partsOf(name).join('/')}:${name.suite}`;
}

/** The tags by which a version is known: 3, 3.11 and 3.11.2 for 3.11.2-1+b1. */
export function versionTags(version: string): string[] {
  const parts = /^\d+(?:\.\d+)*/.exec(upstreamVersion(version))?.[0].split('.') ?? [];
  return parts.map((_, i) => parts.slice(0, i + 1).join('.'));
}
