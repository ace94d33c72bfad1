// One dialog for many things: the button that opens it says for which of them, and where its form goes.
const marked = "[data-dialog][data-fill]";

addEventListener("click", (event) => {
  const button = event.target.closest?.(marked);
  if (!button) return;
  const dialog = document.getElementById(button.dataset.dialog), form = dialog?.querySelector("form");
  const given = JSON.parse(button.dataset.fill);
  for (const [name, value] of Object.entries(given)) {
    if (name === "action") { form.action = value; continue; }
    const field = form.elements.namedItem(name), text = dialog.querySelector(`[data-text="${name}"]`);
    if (field) field.value = value;
    if (text) text.textContent = value;
  }
}, true);
