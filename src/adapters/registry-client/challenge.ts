/** One challenge of a WWW-Authenticate header (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  scheme: string;
  parameters: Map<string, string>;
}

/** Reads the challenges of a header; what does not look like one is left out. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
  const piece = new RegExp(`\\s*,?\\s*(${token})(?:\\s*=\\s*(?:"((?:\\\\.|[^"\\\\])*)"|(${token})))?`, 'y');
  for (let match = piece.exec(header); match !== null; match = piece.exec(header)) {
    const [, name = '', quoted, plain] = match;
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
  return challenges;
}
