/** What belongs together and is freed together, the latest first. */
export class Resources implements AsyncDisposable {
  readonly #all: (Disposable | AsyncDisposable)[] = []

  /** Takes a resource over, and returns it. */
  add<T extends Disposable | AsyncDisposable>(resource: T): T {
    this.#all.push(resource)
    return resource
  }

  /** Frees everything, whatever fails on the way; idempotent. @throws the first failure */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (let resource = this.#all.pop(); resource; resource = this.#all.pop()) {
      try {
        if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]()
        else resource[Symbol.dispose]()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
