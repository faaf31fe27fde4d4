/** Small writers for tests: a stored zip, and pickles from opcodes. */

/** A zip file of stored members, with the names and contents given; sums are left zero, as nothing checks them. */
export function zipOf(members: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let offset = 0
  for (const [name, data] of Object.entries(members)) {
    const nameBytes = Buffer.from(name)
    const common = Buffer.alloc(26)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(data.length, 18)
    common.writeUInt16LE(nameBytes.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, nameBytes, data])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    entries.push(Buffer.concat([Buffer.from('PK\x01\x02\0\0'), common, tail, nameBytes]))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

/** A PyTorch zip file around a pickle and its storages. */
export function torchZipOf(pickle: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}): Uint8Array {
  const data = Object.fromEntries(Object.entries(storages).map(([key, bytes]) => [`archive/data/${key}`, bytes]))
  return zipOf({ 'archive/data.pkl': pickle, ...data })
}

/** Pickle opcodes by hand: bytes of each part; texts become Latin-1. */
export function pickleOf(...parts: readonly (string | readonly number[])[]): Uint8Array {
  return Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))))
}

/** Opcodes that push a text of fewer than 256 bytes. */
export function text(value: string): string {
  return `\x8c${String.fromCharCode(value.length)}${value}`
}

/** Opcodes that push a tensor over storage "0" of float32. */
export function tensorOf(numel: number, offset: number, shape: readonly number[], strides: readonly number[]): string {
  const tuple = (sizes: readonly number[]) => `(${sizes.map(size => `K${String.fromCharCode(size)}`).join('')}t`
  const storage = `(${text('storage')}ctorch\nFloatStorage\n${text('0')}${text('cpu')}K${String.fromCharCode(numel)}tQ`
  return `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K${String.fromCharCode(offset)}${tuple(shape)}${tuple(strides)}\x89NtR`
}
