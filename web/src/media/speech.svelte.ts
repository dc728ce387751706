/**
 * Reading aloud by the speech of the platform, one text at a time, in the language of its script. Voices
 * that send a text to somebody's server are never used, so a device without local voices offers none.
 */
import { onLeaving } from "#app/state/app.svelte.ts";
import { languageOf } from "#i18n/script.ts";

/** Some engines stop in the middle of a long text: it is read in sentences. */
const SENTENCE = /[^.!?।۔\n]+[.!?।۔\n]*/gu;
/** Marks of *bold* and _italic_, which a voice would say. */
const MARKS = /(?<![\p{L}\p{N}])[*_]|[*_](?![\p{L}\p{N}])/gu;

type Synthesis = Pick<SpeechSynthesis, "getVoices" | "speak" | "cancel" | "addEventListener">;

export class Speech {
  readonly #synthesis: Synthesis | null;
  #voices = $state.raw<readonly SpeechSynthesisVoice[]>([]);
  #reading = $state.raw<string | null>(null);

  constructor(synthesis: Synthesis | null) {
    this.#synthesis = synthesis;
    const look = (): void => {
      this.#voices = synthesis?.getVoices().filter(({ localService }) => localService) ?? [];
    };
    synthesis?.addEventListener("voiceschanged", look);
    look();
    onLeaving(() => this.stop());
  }

  /** Whether this device has a voice for the language of a text. */
  canRead(text: string): boolean {
    return text.trim() !== "" && this.#voiceFor(text) !== undefined;
  }

  /** Whether this text is being read. */
  isReading(text: string): boolean {
    return this.#reading === text;
  }

  /** Read a text in place of what is being read; the same text again stops. */
  toggle(text: string): void {
    const voice = this.#voiceFor(text);
    const stops = this.isReading(text);
    this.stop();
    if (stops || voice === undefined) return;
    const sentences = text.replace(MARKS, "").match(SENTENCE) ?? [];
    this.#reading = text;
    sentences.forEach((sentence, at) => {
      const utterance = new SpeechSynthesisUtterance(sentence);
      [utterance.voice, utterance.lang] = [voice, voice.lang];
      const over = (): void => {
        if (this.isReading(text)) this.#reading = null;
      };
      if (at === sentences.length - 1) utterance.onend = over;
      utterance.onerror = over;
      this.#synthesis?.speak(utterance);
    });
  }

  stop(): void {
    this.#reading = null;
    this.#synthesis?.cancel();
  }

  #voiceFor(text: string): SpeechSynthesisVoice | undefined {
    const language = languageOf(text);
    const spoken = this.#voices.filter(({ lang }) => lang.toLowerCase().startsWith(language));
    return spoken.find(({ lang }) => /[-_]in$/iu.test(lang)) ?? spoken[0];
  }
}

export const speech = new Speech("speechSynthesis" in globalThis ? speechSynthesis : null);
