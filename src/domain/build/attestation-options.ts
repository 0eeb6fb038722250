import { invalid } from '#base/errors.ts';
import type { ProvenanceOptions } from './provenance.ts';

const known = ['mode', 'version', 'builder-id', 'reproducible', 'disabled', 'inline-only'];

/**
 * `mode=max,version=v1`, as `--provenance` and BuildKit's `attest:provenance` say it; undefined where it is switched off.
 * @throws invalid `attestation-invalid`
 */
export function parseProvenance(text: string): ProvenanceOptions | undefined {
  if (text === 'false') return undefined;
  const fields = fieldsOf('provenance', text === 'true' ? '' : text, known);
  if (fields.get('disabled') === 'true') return undefined;
  const { mode = 'min', version = 'v0.2' } = Object.fromEntries(fields);
  // BuildKit takes both spellings.
  const full = version.startsWith('v') ? version : `v${version}`;
  if (mode !== 'min' && mode !== 'max') throw refused('provenance', text, "the mode is 'min' or 'max'");
  if (full !== 'v0.2' && full !== 'v1') throw refused('provenance', text, "the version is 'v0.2' or 'v1'");
  const builderId = fields.get('builder-id');
  return {
    mode,
    ...(full === 'v1' && { version: full }),
    ...(builderId !== undefined && { builderId }),
    ...(fields.get('reproducible') === 'true' && { reproducible: true }),
    ...(fields.get('inline-only') === 'true' && { inlineOnly: true }),
  };
}

/**
 * Whether a bill of materials is wanted. A generator that is named is not run: bills are made by the engine itself, of the same form.
 * @throws invalid `attestation-invalid`
 */
export function parseSbom(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return fieldsOf('sbom', text, ['disabled', 'generator']).get('disabled') !== 'true';
}

function fieldsOf(what: string, text: string, names: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of text.split(',').filter((each) => each !== '')) {
    const [, name = field, value = 'true'] = /^([^=]+)=(.*)$/s.exec(field) ?? [];
    // Buildx leaves in what `--attest type=sbom` says.
    if (name === 'type' && value === what) continue;
    if (!names.includes(name))
      throw refused(what, text, `'${name}' is not offered; known are ${names.join(', ')}`);
    fields.set(name, value);
  }
  return fields;
}

function refused(what: string, text: string, why: string): Error {
  return invalid('attestation-invalid', `the attestation ${what} '${text}': ${why}`);
}
