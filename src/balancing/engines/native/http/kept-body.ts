// What has been sent of a request's body, kept as long as it may have to be sent again.

/** Where the memory for bodies is counted: the service that the request goes to. */
export class BodyShelf {
  bytes = 0
  /** Of one body so much is kept, and of all of them; nothing without it. */
  limits: { readonly each: number; readonly bytes: number } | undefined
}

/** The body of one request; used again for the next one. */
export class KeptBody {
  #shelf: BodyShelf | undefined
  /** All that has been sent so far, while `isWhole`. */
  text = ''
  isWhole = true

  /** Of the body that is being sent so much would be kept. */
  get most(): number {
    return this.#shelf?.limits?.each ?? 0
  }

  /** A new request begins: nothing has been sent. */
  begin(): void {
    this.drop()
    this.isWhole = true
  }

  /** From now on memory is counted there. */
  keepAt(shelf: BodyShelf): void {
    this.#shelf = shelf
  }

  /** Keeps one more part; `undefined` is a part that cannot be. */
  add(part: string | undefined): void {
    const shelf = this.#shelf
    if (!this.isWhole || shelf === undefined) return
    const fits =
      part !== undefined &&
      this.text.length + part.length <= this.most &&
      shelf.bytes + part.length <= (shelf.limits?.bytes ?? 0)
    if (!fits) return this.forget()
    shelf.bytes += part.length
    this.text += part
  }

  /** The request cannot be sent again. */
  forget(): void {
    this.isWhole = false
    this.drop()
  }

  /** It need not be sent again. */
  drop(): void {
    if (this.#shelf !== undefined) this.#shelf.bytes -= this.text.length
    this.text = ''
  }
}
