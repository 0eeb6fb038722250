/** Where a command writes. Errors and progress go to `error`, what scripts read goes to `out`. */
export interface Screen {
  out(text: string): void;
  error(text: string): void;
  /** `error` is a terminal that can redraw a line. */
  readonly isTerminal: boolean;
  /** Width of that terminal. */
  readonly columns: number;
  readonly color: boolean;
}

interface Stream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** The process's own streams. Colours are off without a terminal, with NO_COLOR, and on a dumb terminal. */
export function screenOf(
  out: Stream,
  error: Stream,
  environment: Readonly<Record<string, string | undefined>>,
): Screen {
  const isTerminal = error.isTTY === true && environment['TERM'] !== 'dumb';
  return {
    out: (text) => void out.write(text),
    error: (text) => void error.write(text),
    isTerminal,
    columns: error.columns ?? 80,
    color: isTerminal && (environment['NO_COLOR'] ?? '') === '',
  };
}

const codes = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;

export type Paint = (color: keyof typeof codes, text: string) => string;

export function painter(color: boolean): Paint {
  return (name, text) => (color ? `\u001b[${codes[name]}m${text}\u001b[0m` : text);
}
