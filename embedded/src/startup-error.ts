/** Something the person who starts the platform can mend; its message is one sentence and all they need to see. */
export class StartupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StartupError';
  }
}
