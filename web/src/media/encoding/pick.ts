/** The device's own file pickers. */

export interface PickOptions {
  readonly accept?: string;
  /** Open the camera directly where the device has one. */
  readonly capture?: "environment" | "user";
  readonly multiple?: boolean;
}

/** Ask for files; an empty list when the person changed their mind. */
export function pickFiles(options: PickOptions): Promise<File[]> {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    if (options.accept !== undefined) input.accept = options.accept;
    if (options.capture !== undefined) input.setAttribute("capture", options.capture);
    input.multiple = options.multiple ?? false;
    input.hidden = true;
    const finish = (): void => {
      const files = [...(input.files ?? [])];
      input.remove();
      resolve(files);
    };
    input.addEventListener("change", finish, { once: true });
    input.addEventListener("cancel", finish, { once: true });
    // Safari opens the picker only for an input that is in the page.
    document.body.append(input);
    input.click();
  });
}
