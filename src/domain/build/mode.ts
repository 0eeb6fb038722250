import { invalid } from '#base/errors.ts';

/** A `--chmod`: the same mode for all, or changes of what each file has. */
export type ModeChange = { kind: 'absolute'; mode: number } | { kind: 'symbolic'; clauses: Clause[] };

/** One step of a symbolic mode. */
interface Clause {
  operator: '+' | '-' | '=';
  /** Bits that it touches at most. */
  mask: number;
  /** What it gives or takes: bits, those of a class, or execute where a folder or someone may execute already. */
  gives: { bits: number } | { copyOf: 'u' | 'g' | 'o' } | 'execute-if-any';
}

const classes: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o0007, a: 0o6777 };
const permissions: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111 };
const sticky = 0o1000;
const shifts = { u: 6, g: 3, o: 0 } as const;

/**
 * `--chmod` as chmod(1) writes it: `755`, `u=rwX,go=rX`, `g+w`, `o=u`.
 * @throws invalid `mode-invalid`
 */
export function parseModeChange(text: string): ModeChange {
  if (/^\d/.test(text)) return { kind: 'absolute', mode: octal(text) };
  const clauses = text.split(',').flatMap((part) => clausesOf(text, part));
  return { kind: 'symbolic', clauses };
}

function octal(text: string): number {
  const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  if (mode <= 0o7777) return mode;
  throw malformed(text);
}

function malformed(text: string): Error {
  return invalid(
    'mode-invalid',
    `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777, or symbolic`,
    { hint: 'write 755 or u=rwX,go=rX' },
  );
}

// As the setmode(3) of BSD reads them, on which BuildKit's is built.
function clausesOf(text: string, part: string): Clause[] {
  const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(part);
  if (match === null) throw malformed(text);
  let who = 0;
  for (const letter of match[1] ?? '') who |= classes[letter] ?? 0;
  return [...(match[2] ?? '').matchAll(/([-+=])([rwxXstugo]*)/g)].flatMap(([, operator, letters = '']) =>
    new Operation(who, operator === '+' || operator === '-' ? operator : '=').read(letters),
  );
}

/** An operator with its letters, such as `=rwX`, for the classes before it. */
class Operation {
  #who: number;
  readonly #operator: Clause['operator'];
  readonly #clauses: Clause[] = [];
  #bits = 0;
  #executeIfAny = false;

  constructor(who: number, operator: Clause['operator']) {
    this.#who = who;
    this.#operator = operator;
  }

  read(letters: string): Clause[] {
    for (const letter of letters) {
      if (letter === 'u' || letter === 'g' || letter === 'o') this.#copy(letter);
      else if (letter === 's' || letter === 't') this.#special(letter);
      else if (letter === 'X' && this.#operator !== '-') this.#executeIfAny = true;
      else this.#bits |= permissions[letter.toLowerCase()] ?? 0;
    }
    if (this.#clauses.length === 0 && this.#operator === '=') this.#add({ bits: this.#bits });
    else this.#flushBits();
    this.#flushExecute();
    return this.#clauses;
  }

  // `other` alone has no set-id and no sticky bit. The sticky bit belongs to no class.
  #special(letter: 's' | 't'): void {
    if (this.#who !== 0 && (this.#who & ~0o7) === 0) return;
    this.#bits |= letter === 's' ? 0o6000 : sticky;
    if (letter === 't') this.#who |= sticky;
  }

  #copy(copyOf: 'u' | 'g' | 'o'): void {
    this.#flushBits();
    this.#flushExecute();
    this.#add({ copyOf });
  }

  #flushBits(): void {
    if (this.#bits !== 0) this.#add({ bits: this.#bits });
    this.#bits = 0;
  }

  #flushExecute(): void {
    if (this.#executeIfAny) this.#add('execute-if-any');
    this.#executeIfAny = false;
  }

  #add(gives: Clause['gives']): void {
    const mask = this.#who === 0 ? 0o7777 : this.#who;
    this.#clauses.push({ operator: this.#operator, mask, gives });
  }
}

/** The permission bits (with set-id and sticky) that a file of mode `current` gets. */
export function applyModeChange(change: ModeChange, current: number, isFolder: boolean): number {
  if (change.kind === 'absolute') return change.mode;
  const before = current & 0o7777;
  const executes = isFolder || (before & 0o111) !== 0;
  return change.clauses.reduce((mode, clause) => applyClause(clause, mode, executes), before);
}

function applyClause({ operator, mask, gives }: Clause, mode: number, executes: boolean): number {
  if (gives === 'execute-if-any') return executes ? mode | (mask & 0o111) : mode;
  const bits = ('bits' in gives ? gives.bits : classBits(mode, gives.copyOf)) & mask;
  if (operator === '+') return mode | bits;
  if (operator === '-') return mode & ~bits;
  // Copying leaves set-id and sticky bits; without classes the sticky bit stays.
  const cleared = 'bits' in gives ? (mask === 0o7777 ? 0o6777 : mask) : mask & 0o777;
  return (mode & ~cleared) | bits;
}

function classBits(mode: number, letter: 'u' | 'g' | 'o'): number {
  const three = (mode >> shifts[letter]) & 0o7;
  return three * 0o111;
}
