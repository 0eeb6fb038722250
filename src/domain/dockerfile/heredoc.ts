import { ExpansionError, expandWords, type Expansion } from './expand.ts';

/** `<<NAME`, `<<-NAME` (leading tabs are cut) or `<<"NAME"` (its variables are not expanded). */
export interface Heredoc {
  name: string;
  /** The descriptor before `<<`, '' mostly. */
  descriptor: string;
  chomp: boolean;
  expand: boolean;
  content: string;
}

const pattern = /^(\d*)<<(-?)\s*([^<]+)$/;
// A here-document is the shell's: whatever the escape directive says, it knows the backslash only.
const lexing: Expansion = { escape: '\\', lookup: () => undefined, keepsUnset: true };

/** The here-documents that an instruction announces, with empty content. */
export function findHeredocs(text: string): { offset: number; heredoc: Heredoc }[] {
  if (!text.includes('<<')) return [];
  return lex(text, { ...lexing, quotes: 'kept', keepsEscapes: true }).flatMap((word) => {
    const heredoc = parseHeredoc(word);
    return heredoc === undefined ? [] : [{ offset: Math.max(0, text.indexOf(word)), heredoc }];
  });
}

export function parseHeredoc(word: string): Heredoc | undefined {
  const [, descriptor = '', dash, rest] = pattern.exec(word) ?? [];
  if (rest === undefined) return undefined;
  const [name, ...more] = lex(rest, lexing);
  const [raw = ''] = lex(rest, { ...lexing, quotes: 'kept' });
  if (name === undefined || more.length > 0) return undefined;
  // A part of the name in quotes is enough to keep the content as it is.
  return { name, descriptor, chomp: dash === '-', expand: quotes(name) === quotes(raw), content: '' };
}

// What is no sequence of words announces nothing: it is the shell's to complain.
function lex(text: string, expansion: Expansion): string[] {
  try {
    return expandWords(text, expansion);
  } catch (error) {
    if (error instanceof ExpansionError) return [];
    throw error;
  }
}

function quotes(text: string): number {
  return text.replaceAll(/[^'"]/g, '').length;
}

/** The text without the tabs at the beginning of its lines, as `<<-` asks for. */
export function withoutTabs(text: string): string {
  return text.replaceAll(/^\t+/gm, '');
}
