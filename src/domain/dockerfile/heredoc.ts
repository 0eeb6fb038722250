import { splitWords } from './words.ts';

/** `<<NAME`, `<<-NAME` (leading tabs are cut) or `<<"NAME"` (its variables are not expanded). */
export interface Heredoc {
  name: string;
  /** The descriptor before `<<`, '' mostly. */
  descriptor: string;
  chomp: boolean;
  expand: boolean;
  content: string;
}

const pattern = /^(\d*)<<(-?)(?:"([^"<\s]+)"|'([^'<\s]+)'|([^<\s"'|&;()]+))$/;

/** The here-documents that an instruction announces, with empty content. */
export function findHeredocs(text: string, escape: string): { offset: number; heredoc: Heredoc }[] {
  return splitWords(text, escape).flatMap(({ text: word, offset }) => {
    const heredoc = parseHeredoc(word);
    return heredoc === undefined ? [] : [{ offset, heredoc }];
  });
}

export function parseHeredoc(word: string): Heredoc | undefined {
  const match = pattern.exec(word);
  if (match === null) return undefined;
  const quoted = match[3] ?? match[4];
  return {
    name: quoted ?? match[5] ?? '',
    descriptor: match[1] ?? '',
    chomp: match[2] === '-',
    expand: quoted === undefined,
    content: '',
  };
}
