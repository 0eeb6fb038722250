/**
 * The fields of one line of CSV (RFC 4180), as Go reads it: `a,"b,c","say ""hi"""`. Undefined when a quote is
 * open or stands inside a field that does not begin with one, or when there is nothing.
 */
export function csvFields(line: string): string[] | undefined {
  if (line === '') return undefined;
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (match === null) return undefined;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return fields;
  }
}
