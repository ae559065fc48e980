/** A reasoned no. It names the next command to type. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  constructor(
    message: string,
    readonly next: string,
  ) {
    super(message);
  }
}
