/** One word of a line of HAProxy's configuration, whatever is in it (configuration manual, section 2.2). */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** As `quote`, where the word is a format in which `%` begins a variable. */
export function quoteFormat(text: string): string {
  return quote(text.replaceAll('%', '%%'));
}

/** A text as a regular expression that matches just it. */
export function escapeRegex(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
