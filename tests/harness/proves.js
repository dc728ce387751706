// A person who proves to be there: sets a PIN when an act of weight asks for the first time, enters it
// from then on, and unlocks the app by it.
(() => {
  const [PIN, SET] = ["271828", "a test's person has set a PIN"];
  const answered = new WeakSet();
  const prove = (form) => {
    const fields = form.querySelectorAll("input");
    if (fields.length === 0 || answered.has(form)) return;
    answered.add(form);
    for (const field of fields) {
      field.value = PIN;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    localStorage.setItem(SET, "yes");
    setTimeout(() => form.requestSubmit(), 0);
  };
  const unlock = (pad) => {
    if (answered.has(pad) || localStorage.getItem(SET) === null) return;
    answered.add(pad);
    const press = (key) => window.dispatchEvent(new KeyboardEvent("keydown", { key }));
    setTimeout(() => [...PIN, "Enter"].forEach(press), 0);
  };
  new MutationObserver(() => {
    const form = document.querySelector("dialog[role=alertdialog][open] form");
    if (form !== null) prove(form);
    const pad = document.querySelector("main > .pad");
    if (pad !== null) unlock(pad);
  }).observe(document, { childList: true, subtree: true, attributes: true });
})();
