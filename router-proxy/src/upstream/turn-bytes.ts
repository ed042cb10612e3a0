/** More than this of one turn is handed on before its end. */
const BYTES_MAX = 16_384;

/**
 * What arrives in one turn of the event loop, handed on as one piece at the turn's end: a provider that is ahead sends
 * dozens of events at once, and whatever is done once for all of them is not done for each.
 */
export class TurnBytes {
  readonly #handOn: (bytes: Buffer) => void;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #isWaiting = false;

  constructor(handOn: (bytes: Buffer) => void) {
    this.#handOn = handOn;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes > BYTES_MAX) {
      this.flush();
    } else if (!this.#isWaiting) {
      this.#isWaiting = true;
      process.nextTick(endTurn, this);
    }
  }

  /** Does not wait for the end of the turn. */
  flush(): void {
    if (this.#bytes === 0) return;
    const [only] = this.#pieces;
    const bytes = this.#pieces.length === 1 && only ? only : Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    this.#handOn(bytes);
  }

  turnEnded(): void {
    this.#isWaiting = false;
    this.flush();
  }
}

function endTurn(turn: TurnBytes): void {
  turn.turnEnded();
}
