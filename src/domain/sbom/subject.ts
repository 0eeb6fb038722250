/** What a bill of materials is about. */
export interface SbomSubject {
  /** Of the image, such as `debian.berth/python:3.11`. */
  name: string;
  /** Of its manifest. */
  digest: `sha256:${string}`;
  /** RFC 3339 with seconds: of the image, not of the bill, so that the same image has the same bill. */
  created: string;
  /** Of Berth. */
  toolVersion: string;
}

/** SPDX and CycloneDX take times without fractions. */
export function wholeSeconds(created: string): string {
  return created.replace(/\.\d+(?=Z|[+-])/, '');
}
