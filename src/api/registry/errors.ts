import { explainDiskFull } from '#base/disk-full.ts';
import { BerthError, type ErrorKind } from '#base/errors.ts';

export interface RegistryErrorAnswer {
  status: number;
  /** The specification's JSON ("Error Codes"). */
  body: { errors: { code: string; message: string; detail?: { hint: string } }[] };
}

/** Status and code of the specification for our own codes. */
const byCode: Readonly<Record<string, [status: number, code: string]>> = {
  'registry-digest-invalid': [400, 'DIGEST_INVALID'],
  'registry-digest-mismatch': [400, 'DIGEST_INVALID'],
  'registry-name-invalid': [400, 'NAME_INVALID'],
  'registry-name-unknown': [404, 'NAME_UNKNOWN'],
  'registry-tag-invalid': [400, 'MANIFEST_INVALID'],
  'registry-manifest-invalid': [400, 'MANIFEST_INVALID'],
  'registry-manifest-too-large': [413, 'MANIFEST_INVALID'],
  'registry-form-too-large': [413, 'UNSUPPORTED'],
  'registry-manifest-unknown': [404, 'MANIFEST_UNKNOWN'],
  'registry-manifest-blob-unknown': [404, 'MANIFEST_BLOB_UNKNOWN'],
  'registry-manifest-in-use': [405, 'UNSUPPORTED'],
  'registry-blob-unknown': [404, 'BLOB_UNKNOWN'],
  'registry-blob-in-use': [405, 'UNSUPPORTED'],
  'registry-upload-unknown': [404, 'BLOB_UPLOAD_UNKNOWN'],
  'registry-range-malformed': [400, 'BLOB_UPLOAD_INVALID'],
  'registry-range-mismatch': [416, 'BLOB_UPLOAD_INVALID'],
  'registry-range-unsatisfiable': [416, 'SIZE_INVALID'],
  'registry-size-mismatch': [400, 'SIZE_INVALID'],
  'upload-too-long': [400, 'SIZE_INVALID'],
  'registry-mirror-read-only': [405, 'UNSUPPORTED'],
  'registry-method-unsupported': [405, 'UNSUPPORTED'],
  'registry-too-many-attempts': [429, 'TOOMANYREQUESTS'],
  'registry-tag-immutable': [403, 'DENIED'],
  'registry-quota-exceeded': [403, 'DENIED'],
  'disk-full': [507, 'UNAVAILABLE'],
  // What a mirror's upstream did.
  'registry-denied': [404, 'NAME_UNKNOWN'],
  'registry-unreachable': [502, 'UNAVAILABLE'],
  'registry-failed': [502, 'UNAVAILABLE'],
  'registry-transfer-failed': [502, 'UNAVAILABLE'],
  'registry-range-invalid': [502, 'UNAVAILABLE'],
  'registry-answer-too-large': [502, 'UNAVAILABLE'],
  'registry-token-missing': [502, 'UNAVAILABLE'],
  'registry-token-failed': [502, 'UNAVAILABLE'],
  'registry-realm-invalid': [502, 'UNAVAILABLE'],
  'registry-realm-insecure': [502, 'UNAVAILABLE'],
  'registry-credentials-missing': [502, 'UNAVAILABLE'],
  'manifest-too-large': [502, 'UNAVAILABLE'],
  'manifest-too-old': [502, 'UNAVAILABLE'],
  'manifest-digest-mismatch': [502, 'UNAVAILABLE'],
};

const byKind: Readonly<Record<ErrorKind, [status: number, code: string]>> = {
  invalid: [400, 'UNSUPPORTED'],
  unauthorized: [401, 'UNAUTHORIZED'],
  forbidden: [403, 'DENIED'],
  'not-found': [404, 'NAME_UNKNOWN'],
  conflict: [409, 'UNSUPPORTED'],
  unchanged: [304, 'UNSUPPORTED'],
  unsupported: [405, 'UNSUPPORTED'],
  unavailable: [503, 'UNAVAILABLE'],
  internal: [500, 'UNKNOWN'],
};

/** What is answered to anything that was thrown. Of an unexpected error nothing is told: it is in the log. */
export function registryError(thrown: unknown): RegistryErrorAnswer {
  const error = explainDiskFull(thrown);
  if (!(error instanceof BerthError))
    return { status: 500, body: { errors: [{ code: 'UNKNOWN', message: 'internal error' }] } };
  const [status, code] = byCode[error.code] ?? byKind[error.kind];
  const detail = error.hint === undefined ? {} : { detail: { hint: error.hint } };
  return { status, body: { errors: [{ code, message: error.message, ...detail }] } };
}
