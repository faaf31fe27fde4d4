import { pageChecksum } from './ogg.ts'

const flags = { first: 2, last: 4 } as const
const headerSize = 27
/** Lacing values of a page. */
const maxSegments = 255

/** Writes packets into the pages of one logical Ogg stream (RFC 3533). Packets do not continue on other pages, so one has at most 65,024 bytes. */
export class OggWriter {
  readonly #serial: number
  #sequence = 0

  constructor(serial: number) {
    this.#serial = serial
  }

  /**
   * One or more pages.
   * @param granules the position after each packet
   * @param last marks the end of the stream
   */
  pages(packets: readonly Uint8Array[], granules: readonly number[], last = false): Uint8Array<ArrayBuffer>[] {
    const pages: Uint8Array<ArrayBuffer>[] = []
    for (let from = 0; from < packets.length; ) {
      const lacing: number[] = []
      let to = from
      for (; to < packets.length && lacing.length + Math.floor(packets[to]!.length / 255) + 1 <= maxSegments; to++) {
        let rest = packets[to]!.length
        for (; rest >= 255; rest -= 255) lacing.push(255)
        lacing.push(rest)
      }
      pages.push(this.#page(packets.slice(from, to), lacing, granules[to - 1]!, last && to === packets.length))
      from = to
    }
    return pages
  }

  #page(packets: readonly Uint8Array[], lacing: readonly number[], granule: number, last: boolean): Uint8Array<ArrayBuffer> {
    const start = headerSize + lacing.length
    const page = new Uint8Array(packets.reduce((sum, packet) => sum + packet.length, start))
    const view = new DataView(page.buffer)
    page.set([0x4f, 0x67, 0x67, 0x53]) // OggS
    page[5] = (this.#sequence === 0 ? flags.first : 0) | (last ? flags.last : 0)
    view.setBigUint64(6, BigInt(granule), true)
    view.setUint32(14, this.#serial, true)
    view.setUint32(18, this.#sequence++, true)
    page[26] = lacing.length
    page.set(lacing, headerSize)
    let offset = start
    for (const packet of packets) {
      page.set(packet, offset)
      offset += packet.length
    }
    view.setUint32(22, pageChecksum(page), true)
    return page
  }
}
