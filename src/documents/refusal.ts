/** A document that cannot be taken, with a sentence for whoever sent it. Crosses from the worker by its text. */
export class DocumentRefusal extends Error {
  override readonly name = 'DocumentRefusal'
}
