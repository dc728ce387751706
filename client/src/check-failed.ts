/** The error by which certificate checks refuse. */
export class CheckRefused extends Error {
  constructor(_code: string, message: string, _rule: number | null = null, cause?: unknown) {
    super(message, { cause });
    this.name = "CheckRefused";
  }
}
