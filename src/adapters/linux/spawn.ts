import koffi from 'koffi';
import { check, SystemCallError } from '#adapters/linux/libc.ts';

// posix_spawn(3) costs under a millisecond however large the daemon is, because it shares the memory until
// the exec. Node's own spawn copies the page tables: 15 ms and more with 200 MB. Node knows nothing of such a
// child, so whoever starts one waits for it by `reap`.

const libc = koffi.load('libc.so.6');

const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSID = 0x80;
/** Larger than glibc's posix_spawn_file_actions_t (80), posix_spawnattr_t (336) and sigset_t (128). */
const structureSize = 512;

type OnStructure = (structure: Uint8Array) => number;
const actionsInit: OnStructure = libc.func('int posix_spawn_file_actions_init(_Inout_ uint8_t*)');
const actionsDestroy: OnStructure = libc.func('int posix_spawn_file_actions_destroy(_Inout_ uint8_t*)');
type AddDup2 = (actions: Uint8Array, from: number, to: number) => number;
const addDup2: AddDup2 = libc.func('int posix_spawn_file_actions_adddup2(_Inout_ uint8_t*, int, int)');
const addChdir: (actions: Uint8Array, path: string) => number = libc.func(
  'int posix_spawn_file_actions_addchdir_np(_Inout_ uint8_t*, const char*)',
);
const attributesInit: OnStructure = libc.func('int posix_spawnattr_init(_Inout_ uint8_t*)');
const setFlags: (attributes: Uint8Array, flags: number) => number = libc.func(
  'int posix_spawnattr_setflags(_Inout_ uint8_t*, short)',
);
const setSignalDefaults: (attributes: Uint8Array, set: Uint8Array) => number = libc.func(
  'int posix_spawnattr_setsigdefault(_Inout_ uint8_t*, const uint8_t*)',
);
type PosixSpawn = (
  pid: Int32Array,
  path: string,
  actions: Uint8Array,
  attributes: Uint8Array,
  argv: (string | null)[],
  envp: (string | null)[],
) => number;
const posixSpawn: PosixSpawn = libc.func(
  'int posix_spawn(_Out_ int*, const char*, const uint8_t*, const uint8_t*, const char**, const char**)',
);
const waitPid: (pid: number, status: Int32Array, options: number) => number = libc.func(
  'int waitpid(int, _Out_ int*, int)',
);
const CLOSE_RANGE_CLOEXEC = 4;
const closeRange: (first: number, last: number, flags: number) => number = libc.func(
  'int close_range(unsigned int, unsigned int, int)',
);

export interface Program {
  /** Absolute. */
  path: string;
  args: string[];
  env: Record<string, string>;
  /** The child's working folder, absolute. */
  cwd: string;
  /** The descriptor that becomes 0, 1, 2 ... in the child; everything else stays here. */
  descriptors: number[];
}

/**
 * Starts a program in a session of its own, with no signal ignored. Gives its process id.
 * @throws SystemCallError
 */
export function spawnInSession(program: Program): number {
  const [actions, attributes] = [Buffer.alloc(structureSize), Buffer.alloc(structureSize)];
  actionsInit(actions);
  try {
    for (const [target, fd] of program.descriptors.entries()) {
      if (fd < program.descriptors.length)
        throw new RangeError(`descriptor ${fd} would be overwritten before it is moved to ${target}`);
      addDup2(actions, fd, target);
    }
    addChdir(actions, program.cwd);
    attributesInit(attributes);
    setFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    setSignalDefaults(attributes, Buffer.alloc(structureSize, 0xff));
    // What this process was itself started with must not live on in a child that outlives it.
    check(closeRange(3, 0xffffffff, CLOSE_RANGE_CLOEXEC), 'close_range', 'close on exec');
    const pid = new Int32Array(1);
    const variables = Object.entries(program.env).map(([name, value]) => `${name}=${value}`);
    const argv = [program.path, ...program.args, null];
    const error = posixSpawn(pid, program.path, actions, attributes, argv, [...variables, null]);
    if (error !== 0) throw new SystemCallError('posix_spawn', error, `'${program.path}'`);
    return pid[0] ?? -1;
  } finally {
    actionsDestroy(actions);
  }
}

/** Waits for a child that is about to end. Gives its exit code, or 128 plus the number of the signal that ended it. */
export function reap(pid: number): number {
  const status = new Int32Array(1);
  check(waitPid(pid, status, 0), 'waitpid', `process ${pid}`);
  const [value = 0] = status;
  const signal = value & 0x7f;
  return signal === 0 ? (value >> 8) & 0xff : 128 + signal;
}
