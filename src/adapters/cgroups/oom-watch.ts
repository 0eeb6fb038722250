import { closeSync, existsSync, openSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { adopt } from '#adapters/linux/descriptors.ts';
import { openEventFd } from '#adapters/linux/eventfd.ts';
import { systemCode } from '#base/errors.ts';
import { oomKillsV2 } from './usage-v2.ts';

// The kernel tells of each time that a group has used up its memory: nothing is looked at in intervals.

/**
 * Of version 1 (Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control"): by an eventfd that is registered for the file.
 * Gives what ends the watch.
 */
export function watchOomV1(folder: string, onOom: () => void): () => void {
  const { socket } = adopt(registeredEvent(folder));
  socket.unref();
  // The removal of the group is signalled, too.
  socket.on('data', () => existsSync(folder) && onOom());
  socket.on('error', () => socket.destroy());
  return () => void socket.destroy();
}

/** An eventfd that the kernel signals; the caller's to close. */
function registeredEvent(folder: string): number {
  const control = openSync(join(folder, 'memory.oom_control'), 'r');
  try {
    const event = openEventFd();
    try {
      writeFileSync(join(folder, 'cgroup.event_control'), `${event} ${control}`);
      return event;
    } catch (error) {
      closeSync(event);
      throw error;
    }
  } finally {
    closeSync(control);
  }
}

/** Of version 2: `memory.events` changes with each event, of which running out of memory is one. */
export function watchOomV2(folder: string, onOom: () => void): () => void {
  let before = oomKillsV2(folder);
  const watcher = watch(join(folder, 'memory.events'), { persistent: false }, () => {
    const kills = oomKillsV2(folder);
    if (kills > before) onOom();
    before = kills;
  });
  watcher.on('error', () => watcher.close());
  return () => watcher.close();
}

/** A group that is gone has nothing to tell. */
export function unlessGone(begin: () => () => void): () => void {
  try {
    return begin();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return () => undefined;
  }
}
