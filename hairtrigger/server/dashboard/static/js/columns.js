// Choosing the columns of a list: ticked ones in their order become a part of the address.
import { island } from "./islands.js";

/** @param {HTMLElement} box */
function mount(box) {
  const form = /** @type {HTMLFormElement} */ (box.closest("form")), over = new AbortController(), { signal } = over;
  const lines = () => [...box.querySelectorAll("[data-column]")];

  function write() {
    const chosen = lines().filter((line) => line.querySelector("input").checked).map((line) => line.dataset.column);
    const typed = box.querySelector("[data-more]").value.split(",").map((one) => one.trim()).filter(Boolean);
    form.elements.namedItem("columns").value = [...chosen, ...typed].join(",");
  }

  box.addEventListener("click", (event) => {
    const by = Number(event.target.closest("[data-by]")?.dataset.by);
    if (!by) return;
    const line = event.target.closest("[data-column]"), other = by < 0 ? line.previousElementSibling : line.nextElementSibling;
    if (!other?.dataset.column) return;
    if (by < 0) other.before(line); else other.after(line);
    event.target.closest("[data-by]").focus();
    write();
  }, { signal });
  box.addEventListener("input", write, { signal });
  form.addEventListener("submit", write, { signal, capture: true });
  return { destroy: () => over.abort() };
}

island("columns", mount);
