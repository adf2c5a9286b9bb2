/** A kernel module by its name, with underscores: `virtio_blk`. Undefined where the kernel has it built in, or not at all. */
export type FindModule = (name: string) => Uint8Array | undefined;

/** The modules of these names and all that they need, each after what it needs. */
export function moduleOrder(names: readonly string[], find: FindModule): readonly Uint8Array[] {
  const ordered = new Map<string, Uint8Array>();
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const found = find(name);
    if (found === undefined) return;
    neededBy(found).forEach(visit);
    ordered.set(name, found);
  };
  names.forEach(visit);
  return [...ordered.values()];
}

/** What a module says that it needs: `depends=virtio,virtio_ring` in its section `.modinfo`, whose strings end in NUL. */
export function neededBy(module: Uint8Array): readonly string[] {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  const before = bytes.indexOf('\0depends=');
  if (before < 0) return [];
  const start = before + '\0depends='.length;
  const text = bytes.toString('latin1', start, bytes.indexOf(0, start));
  return text.split(',').filter((name) => name !== '');
}

/** `virtio_blk` of `drivers/block/virtio-blk.ko.xz`: the kernel takes dashes and underscores for the same. */
export function moduleName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(\.[a-z0-9]+)?$/, '').replaceAll('-', '_');
}
