import { corrupt } from '#domain/archive/tar-header.ts';

// Deletions: `.wh.NAME` and `.wh..wh..opq` in a layer tar (OCI image specification, layer.md, Whiteouts),
// a character device 0/0 and an attribute of the folder in overlayfs.

export const OPAQUE = 'trusted.overlay.opaque';
/** dev_t of the device 0/0. */
export const whiteoutDevice = 0;
export const whiteoutPrefix = '.wh.';
export const opaqueMarker = '.wh..wh..opq';

export type Whiteout =
  | { kind: 'opaque'; folder: string }
  | { kind: 'deleted'; path: string }
  /** aufs kept its own files under this prefix. */
  | { kind: 'ignored' };

/** Undefined for an ordinary path. @throws invalid `layer-corrupt` */
export function whiteoutOf(path: string): Whiteout | undefined {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  if (!name.startsWith(whiteoutPrefix)) return undefined;
  const folder = slash < 0 ? '' : path.slice(0, slash);
  if (name === opaqueMarker) return { kind: 'opaque', folder };
  if (name.startsWith('.wh..wh.')) return { kind: 'ignored' };
  const hidden = name.slice(whiteoutPrefix.length);
  if (['', '.', '..'].includes(hidden)) throw corrupt(`'${path}' marks no name as deleted`);
  return { kind: 'deleted', path: folder === '' ? hidden : `${folder}/${hidden}` };
}
