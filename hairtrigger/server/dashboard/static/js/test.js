// The test page: what the server has said of a field is gone once that is changed; and in production it asks once a
// day, in every browser, before it runs something for real.
import { island } from "./islands.js";

const ASKED = "ht-asked-prod";
const today = () => new Date().toDateString();

/** @param {HTMLElement} root */
function mount(root) {
  const form = /** @type {HTMLFormElement} */ (root);
  const dialog = /** @type {HTMLDialogElement|null} */ (document.getElementById("in-prod"));
  /** @type {HTMLElement|null} */
  let by = null;

  function ask(/** @type {SubmitEvent} */ event) {
    if (!dialog || event.target !== form || event.submitter?.hasAttribute("formaction") || localStorage.getItem(ASKED) === today()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    by = event.submitter;
    dialog.showModal();
    /** @type {HTMLElement} */ (dialog.querySelector("[data-go-on]")).focus();
  }

  function goOn(/** @type {Event} */ event) {
    if (!/** @type {Element} */ (event.target).closest("[data-go-on]")) return;
    localStorage.setItem(ASKED, today());
    dialog?.close();
    form.requestSubmit(by);
  }

  function changed(/** @type {Event} */ event) {
    const field = /** @type {HTMLElement} */ (event.target);
    if (!field.getAttribute("aria-describedby") || !field.hasAttribute("aria-invalid")) return;
    field.removeAttribute("aria-invalid");
    document.getElementById(field.getAttribute("aria-describedby") ?? "")?.remove();
  }

  form.addEventListener("input", changed);
  addEventListener("submit", ask, true); // before htmx takes it
  dialog?.addEventListener("click", goOn);
  return { destroy() { form.removeEventListener("input", changed); removeEventListener("submit", ask, true); dialog?.removeEventListener("click", goOn); } };
}

island("test", mount);
