/** Whether a filter of Docker's clients finds a name: by a part of it, or by a regular expression. */
export function matchesName(name: string, filter: string): boolean {
  if (name.includes(filter)) return true;
  try {
    return new RegExp(filter).test(name);
  } catch {
    // No expression: it was a part of a name, which this name does not have.
    return false;
  }
}
