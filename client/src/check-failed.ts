/** The error by which certificate checks refuse. */
export class CheckRefused extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "CheckRefused";
  }
}
