import { invalid } from '#base/errors.ts';

// Linux numbers of the architectures Berth runs on (x86-64 and arm64); signal(7).
const numbers: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
};
const realTimeFirst = 34;
const realTimeLast = 64;

/**
 * A signal as Docker's clients write it: `9`, `KILL`, `SIGKILL`, `RTMIN+3`, in any case.
 * @throws invalid `signal-invalid` "invalid signal: X"
 */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) return within(Number(text), text);
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realTime !== null) {
    const base = realTime[1] === 'MIN' ? realTimeFirst : realTimeLast;
    const offset = Number(realTime[3] ?? 0);
    return within(realTime[2] === '-' ? base - offset : base + offset, text);
  }
  return within(numbers[name] ?? 0, text);
}

function within(number: number, text: string): number {
  if (number >= 1 && number <= realTimeLast) return number;
  const unknown = /^\d+$/.test(text) && number > realTimeLast;
  const message = unknown ? `the linux daemon does not support signal ${text}` : `invalid signal: ${text}`;
  throw invalid('signal-invalid', message, {
    hint: 'use a name such as SIGTERM or a number from 1 to 64',
  });
}
