/** `core.guard`: the guard's verdicts, given on this device, and its policy. */
import type { Guard } from "../../guard/guard.ts";
import type { ConversationId } from "../../ids.ts";
import type { GuardVerdict, GuardView } from "../../seam.ts";
import type { Device } from "../device.ts";

export class GuardCalls {
  readonly #guard: Guard;
  readonly #device: Device;

  constructor(guard: Guard, device: Device) {
    this.#guard = guard;
    this.#device = device;
  }

  /** On a text before it is sent to a conversation. `pressing`: it is an order. */
  verdict(conversationId: ConversationId, text: string, pressing = false): Promise<GuardVerdict> {
    return this.#guard.verdict(text, this.#device.find(conversationId).record, pressing);
  }

  /** On a picture, by its perceptual hash, 32 bytes. */
  pictureVerdict(conversationId: ConversationId, hash: Uint8Array): Promise<GuardVerdict> {
    return this.#guard.pictureVerdict(hash, this.#device.find(conversationId).record);
  }

  view(): Promise<GuardView> {
    return this.#guard.view();
  }

  /** The class that the guard claims a text for, whatever its policy says; null without weights. */
  claims(text: string): Promise<string | null> {
    return this.#guard.claims(text);
  }

  /** This person calls a verdict wrong: kept on this device alone. */
  wasWrong(claimed: string, text: string): Promise<void> {
    return this.#guard.wasWrong(claimed, text);
  }

  forgetMistakes(): Promise<void> {
    return this.#guard.forgetMistakes();
  }
}
