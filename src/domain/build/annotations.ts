import type { Platform } from '#domain/image/manifest.ts';
import { matchesPlatform, parsePlatform } from '#domain/image/platform.ts';
import { invalid } from '#base/errors.ts';

const levels = ['manifest', 'manifest-descriptor', 'index', 'index-descriptor'] as const;

/** What an annotation is written on: a document, or what names it. */
export type AnnotationLevel = (typeof levels)[number];

/** A note on the result of a build (OCI image specification, annotations.md). */
export interface Annotation {
  level: AnnotationLevel;
  /** Only of the image for it. */
  platform?: Platform;
  key: string;
  value: string;
}

export type AnnotationTexts = Readonly<Record<string, string>>;

/**
 * `--annotation [LEVEL[[PLATFORM]],...:]KEY=VALUE` (buildx, util/buildflags); without a level, on the manifest.
 * @throws invalid `annotation-invalid`
 */
export function parseAnnotation(text: string): Annotation[] {
  const [, written, value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (written === undefined) throw refused(text, 'required is KEY=VALUE');
  const [, places = 'manifest', key = ''] = /^(?:([^:]*):)?(.*)$/s.exec(written) ?? [];
  return places.split(',').map((place) => {
    const [, level = '', platform] = /^([a-z-]+)(?:\[([A-Za-z0-9_/-]+)\])?$/.exec(place) ?? [];
    return annotationOf(text, { level, platform, key, value });
  });
}

/**
 * As an exporter has it: `annotation.KEY`, `annotation-index.KEY`, `annotation-manifest[linux/arm64].KEY` (BuildKit,
 * exporter/containerimage/exptypes/annotations.go). Undefined for other attributes. @throws invalid `annotation-invalid`
 */
export function annotationAttribute(name: string, value: string): Annotation | undefined {
  if (!/^annotation[-.[]/.test(name)) return undefined;
  const [, level = 'manifest', platform, key = ''] =
    /^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/-]+)\])?\.(\S+)$/.exec(name) ?? [];
  return annotationOf(name, { level, platform, key, value });
}

function annotationOf(
  text: string,
  {
    level: name,
    platform,
    key,
    value,
  }: Record<'level' | 'key' | 'value', string> & { platform?: string | undefined },
): Annotation {
  const level = levels.find((each) => each === name);
  if (level === undefined) throw refused(text, `the level is one of ${levels.join(', ')}`);
  if (key === '') throw refused(text, 'it has no key');
  if (platform === undefined) return { level, key, value };
  return {
    level,
    platform: parsePlatform(platform, { os: 'linux', architecture: '' }),
    key,
    value,
  };
}

function refused(text: string, why: string): Error {
  return invalid('annotation-invalid', `invalid annotation "${text}": ${why}`);
}

/** Those of one level, a platform's own before those of all; of an index all. Undefined where there are none. */
export function annotationsAt(
  annotations: readonly Annotation[],
  level: AnnotationLevel,
  platform?: Platform,
): AnnotationTexts | undefined {
  const fitting = annotations.filter((each) => each.level === level);
  const general = fitting.filter((each) => each.platform === undefined || platform === undefined);
  const own = fitting.filter(
    (each) =>
      platform !== undefined && each.platform !== undefined && matchesPlatform(platform, each.platform),
  );
  if (general.length + own.length === 0) return undefined;
  return Object.fromEntries([...general, ...own].map(({ key, value }) => [key, value]));
}
