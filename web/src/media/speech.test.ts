import { afterEach, describe, expect, it, vi } from "vitest";
import { leave } from "#app/state/app.svelte.ts";
import { Speech } from "./speech.svelte.ts";

interface Utterance {
  readonly text: string;
  readonly lang: string;
  onend?: () => void;
  onerror?: () => void;
}

function voice(lang: string, localService = true): SpeechSynthesisVoice {
  return { lang, localService, name: lang, default: false, voiceURI: lang };
}

function platform(...voices: SpeechSynthesisVoice[]): {
  spoken: Utterance[];
  speech: Speech;
  cancelled: () => number;
} {
  const spoken: Utterance[] = [];
  vi.stubGlobal(
    "SpeechSynthesisUtterance",
    class {
      lang = "";
      constructor(readonly text: string) {}
    },
  );
  const cancel = vi.fn();
  const speak = (utterance: SpeechSynthesisUtterance): void =>
    void spoken.push(utterance as unknown as Utterance);
  const addEventListener = (): void => undefined;
  const speech = new Speech({ getVoices: () => voices, speak, cancel, addEventListener });
  return { spoken, speech, cancelled: () => cancel.mock.calls.length };
}

afterEach(() => vi.unstubAllGlobals());

describe("reading aloud", () => {
  it("uses the voice of the text's script, and India's before another", () => {
    const { spoken, speech } = platform(voice("en-US"), voice("en-IN"), voice("te-IN"));
    speech.toggle("చార్మినార్ దగ్గర తనిఖీ");
    speech.toggle("Check near Charminar");
    expect(spoken.map(({ lang }) => lang)).toEqual(["te-IN", "en-IN"]);
  });

  it("never sends a text to a voice on somebody's server", () => {
    const { spoken, speech } = platform(voice("te-IN", false), voice("en-IN"));
    expect(speech.canRead("తనిఖీ")).toBe(false);
    speech.toggle("తనిఖీ");
    expect(spoken).toEqual([]);
  });

  it("reads sentence by sentence, without marks of bold, and ends with the last", () => {
    const { spoken, speech } = platform(voice("en-IN"));
    const text = "*All units*: report. Bring _jackets_, case 7_2.";
    speech.toggle(text);
    expect(spoken.map((one) => one.text.trim())).toEqual([
      "All units: report.",
      "Bring jackets, case 7_2.",
    ]);
    expect(speech.isReading(text)).toBe(true);
    spoken[1]?.onend?.();
    expect(speech.isReading(text)).toBe(false);
  });

  it("is silent once the app is locked or signed out", () => {
    const { speech, cancelled } = platform(voice("en-IN"));
    speech.toggle("All units: report.");
    leave();
    expect(speech.isReading("All units: report.")).toBe(false);
    expect(cancelled()).toBe(2);
  });

  it("stops at the second press, and begins another text in its place", () => {
    const { spoken, speech, cancelled } = platform(voice("en-IN"));
    speech.toggle("One");
    speech.toggle("Two");
    expect(speech.isReading("One")).toBe(false);
    spoken[0]?.onerror?.();
    expect(speech.isReading("Two")).toBe(true);
    speech.toggle("Two");
    expect(speech.isReading("Two")).toBe(false);
    expect(cancelled()).toBe(3);
    expect(spoken).toHaveLength(2);
  });
});
