import { type Cursor, MAX_LINE_BYTES, MAX_PICKLE_BYTES } from './cursor.ts'

/** About 50 opcodes describe a tensor: 80,000 tensors. Bounds the memory that one-byte opcodes can claim. */
const MAX_OPCODES = 4_000_000
/** torch.save fills containers in batches of 1,000; the largest tuple that occurs (Python's random state) has 625 items. */
const MAX_STACK = 65_536
/** Python integers in checkpoints are counters, seeds and hashes. */
const MAX_LONG_BYTES = 1024
/** A tuple that serves as a dict key may hold tuples, but a key is written out, so not without end. */
const MAX_KEY_DEPTH = 2
const MAX_KEY_ITEMS = 8
const MAX_KEY_PART = 256

/** A class or function that a pickle names. It is only ever a name. */
export class PickleGlobal {
  /** Dotted, e.g. `torch.FloatStorage`. */
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** An instance of a class that Mynah does not know (or the result of a function it does not call): its name and contents, inert. */
export class InertObject {
  /** Dotted class or function name. */
  readonly className: string
  /** Constructor arguments. */
  readonly args: readonly unknown[]
  /** What its `__setstate__` or `__dict__` would have got. */
  state: unknown = undefined
  /** Items of a list subclass. */
  readonly items: unknown[] = []
  /** Entries of a dict subclass; no prototype. */
  readonly entries: Record<string, unknown> = Object.create(null)

  constructor(className: string, args: readonly unknown[]) {
    this.className = className
    this.args = args
  }
}

/** Gives meaning to the few globals that are allowed. */
export interface PickleHost {
  /** Called for each class or function named; may refuse by throwing, or replace it by a plain value. */
  global(name: string): unknown
  /** The result of calling `name`, which is never really called. */
  call(name: string, args: readonly unknown[]): unknown
  /** Sets the state of an object that `call` made. */
  build(target: unknown, state: unknown): void
  /** Looks up a storage. */
  persistentLoad(id: unknown): unknown
}

/**
 * Runs one pickle (protocols 2 to 5, as torch.save writes them) to its STOP and leaves the cursor behind it. No recursion, bounded memory.
 * @throws {CheckpointError} `malformed-pickle`, and whatever the host throws
 */
export function readPickle(cursor: Cursor, host: PickleHost): unknown {
  const stack: unknown[] = []
  const marks: number[] = []
  const memo = new Map<number, unknown>()

  const pop = (): unknown => {
    if (stack.length === 0 || stack.length === marks.at(-1)) throw cursor.error('takes a value from an empty stack')
    return stack.pop()
  }
  const top = (): unknown => {
    const value = pop()
    stack.push(value)
    return value
  }
  const popMark = (): unknown[] => {
    const start = marks.pop()
    if (start === undefined) throw cursor.error('closes a group that was never opened')
    return stack.splice(start)
  }
  const tuple = (count: number): void => {
    const items = new Array<unknown>(count)
    for (let i = count - 1; i >= 0; i--) items[i] = pop()
    stack.push(items)
  }
  const text = (count: number) => new TextDecoder().decode(cursor.bytes(count))
  const length64 = (): number => {
    const count = cursor.view(8).getBigUint64(0, true)
    return count > BigInt(MAX_PICKLE_BYTES) ? Number.POSITIVE_INFINITY : Number(count)
  }
  const recall = (index: number): void => {
    if (!memo.has(index)) throw cursor.error(`refers to value ${index}, which was not stored`)
    stack.push(memo.get(index))
  }
  const call = (callee: unknown, args: unknown): void => {
    if (!Array.isArray(args)) throw cursor.error('calls with something that is no tuple')
    if (callee instanceof PickleGlobal) stack.push(host.call(callee.name, args))
    // The inert result of something unknown (a bound method, say) stays inert when called.
    else if (callee instanceof InertObject) stack.push(new InertObject(callee.className, args))
    else throw cursor.error('calls something that is no class or function')
  }
  const setItems = (items: unknown[]): void => {
    if (items.length % 2 === 1) throw cursor.error('has a dict key without a value')
    const target = top()
    const dict = target instanceof InertObject ? target.entries : target
    if (!isDict(dict)) throw cursor.error('sets items of something that is no dict')
    for (let i = 0; i < items.length; i += 2) dict[keyText(items[i])] = items[i + 1]
  }
  const append = (items: unknown[]): void => {
    const target = top()
    const list = target instanceof InertObject ? target.items : target
    if (!Array.isArray(list)) throw cursor.error('appends to something that is no list')
    for (const item of items) list.push(item)
  }

  for (let count = 0; count < MAX_OPCODES; count++) {
    if (stack.length > MAX_STACK || marks.length > MAX_STACK) throw cursor.error(`nests more than ${MAX_STACK} values; no checkpoint does`)
    const opcode = cursor.byte()
    switch (opcode) {
      case 0x80: // PROTO
        if (cursor.byte() > 5) throw cursor.error('has a protocol newer than 5')
        break
      case 0x95: // FRAME: its length is only a hint for buffering
        cursor.bytes(8)
        break
      case 0x2e: // STOP
        return pop()
      case 0x28: // MARK
        marks.push(stack.length)
        break
      case 0x30: // POP
        if (stack.length > 0 && stack.length === marks.at(-1)) marks.pop()
        else pop()
        break
      case 0x31: // POP_MARK
        popMark()
        break
      case 0x32: // DUP
        stack.push(top())
        break
      case 0x4e: // NONE
        stack.push(null)
        break
      case 0x88: // NEWTRUE
        stack.push(true)
        break
      case 0x89: // NEWFALSE
        stack.push(false)
        break
      case 0x4a: // BININT
        stack.push(cursor.view(4).getInt32(0, true))
        break
      case 0x4b: // BININT1
        stack.push(cursor.byte())
        break
      case 0x4d: // BININT2
        stack.push(cursor.view(2).getUint16(0, true))
        break
      case 0x8a: // LONG1
        stack.push(readLong(cursor, cursor.byte()))
        break
      case 0x8b: // LONG4
        stack.push(readLong(cursor, cursor.view(4).getInt32(0, true)))
        break
      case 0x47: // BINFLOAT
        stack.push(cursor.view(8).getFloat64(0, false))
        break
      case 0x8c: // SHORT_BINUNICODE
        stack.push(text(cursor.byte()))
        break
      case 0x58: // BINUNICODE
        stack.push(text(cursor.view(4).getUint32(0, true)))
        break
      case 0x8d: // BINUNICODE8
        stack.push(text(length64()))
        break
      case 0x55: // SHORT_BINSTRING, a str of Python 2
        stack.push(text(cursor.byte()))
        break
      case 0x54: // BINSTRING
        stack.push(text(cursor.view(4).getInt32(0, true)))
        break
      case 0x43: // SHORT_BINBYTES
        stack.push(cursor.bytes(cursor.byte()))
        break
      case 0x42: // BINBYTES
        stack.push(cursor.bytes(cursor.view(4).getUint32(0, true)))
        break
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        stack.push(cursor.bytes(length64()))
        break
      case 0x7d: // EMPTY_DICT
        stack.push(Object.create(null))
        break
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
      case 0x8f: // EMPTY_SET
        stack.push([])
        break
      case 0x85: // TUPLE1
        tuple(1)
        break
      case 0x86: // TUPLE2
        tuple(2)
        break
      case 0x87: // TUPLE3
        tuple(3)
        break
      case 0x74: // TUPLE
      case 0x6c: // LIST
      case 0x91: // FROZENSET
        stack.push(popMark())
        break
      case 0x64: {
        // DICT
        const items = popMark()
        stack.push(Object.create(null))
        setItems(items)
        break
      }
      case 0x61: // APPEND
        append([pop()])
        break
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        append(popMark())
        break
      case 0x73: {
        // SETITEM
        const value = pop()
        setItems([pop(), value])
        break
      }
      case 0x75: // SETITEMS
        setItems(popMark())
        break
      case 0x71: // BINPUT
        memo.set(cursor.byte(), top())
        break
      case 0x72: // LONG_BINPUT
        memo.set(cursor.view(4).getUint32(0, true), top())
        break
      case 0x94: // MEMOIZE
        memo.set(memo.size, top())
        break
      case 0x68: // BINGET
        recall(cursor.byte())
        break
      case 0x6a: // LONG_BINGET
        recall(cursor.view(4).getUint32(0, true))
        break
      case 0x63: {
        // GLOBAL
        const module = cursor.line()
        stack.push(host.global(`${module}.${cursor.line()}`))
        break
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = pop()
        const module = pop()
        if (typeof name !== 'string' || typeof module !== 'string' || name.length + module.length > 2 * MAX_LINE_BYTES) {
          throw cursor.error('names a class by something that is no short text')
        }
        stack.push(host.global(`${module}.${name}`))
        break
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = pop()
        call(pop(), args)
        break
      }
      case 0x92: {
        // NEWOBJ_EX: constructors with keywords; none that we know has any
        const keywords = pop()
        const args = pop()
        const type = pop()
        if (!(type instanceof PickleGlobal)) throw cursor.error('makes an instance of something that is no class')
        stack.push(new InertObject(type.name, [args, keywords]))
        break
      }
      case 0x62: {
        // BUILD
        const state = pop()
        const target = top()
        if (target instanceof InertObject) target.state = state
        else host.build(target, state)
        break
      }
      case 0x51: // BINPERSID
        stack.push(host.persistentLoad(pop()))
        break
      default:
        throw cursor.error(`has opcode 0x${opcode.toString(16)}, which torch.save does not write; the file is damaged or of another kind`)
    }
  }
  throw cursor.error(`has more than ${MAX_OPCODES} opcodes; no checkpoint does`)
}

/** True for what a pickled dict, OrderedDict or Namespace becomes. */
export function isDict(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null
}

/** A dict key as text: 3 → "3", True → "True", ("a", 1) → "(a, 1)". Only text keys are ever long. */
function keyText(key: unknown, depth = 0): string {
  if (typeof key === 'string') return depth === 0 ? key : key.slice(0, MAX_KEY_PART)
  if (typeof key === 'boolean') return key ? 'True' : 'False'
  if (typeof key === 'number' || typeof key === 'bigint') return String(key)
  if (key === null) return 'None'
  if (key instanceof PickleGlobal) return `<${key.name}>`
  if (key instanceof InertObject) return `<${key.className}>`
  if (!Array.isArray(key) || depth >= MAX_KEY_DEPTH) return '<object>'
  return `(${key
    .slice(0, MAX_KEY_ITEMS)
    .map(item => keyText(item, depth + 1))
    .join(', ')})`
}

function readLong(cursor: Cursor, count: number): number | bigint {
  if (count < 0 || count > MAX_LONG_BYTES) throw cursor.error(`has an integer of ${count} bytes, at most ${MAX_LONG_BYTES} are read`)
  if (count === 0) return 0
  const bytes = cursor.bytes(count)
  const hex = Buffer.from(bytes).reverse().toString('hex')
  const value = BigInt.asIntN(8 * count, BigInt(`0x${hex}`))
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}
