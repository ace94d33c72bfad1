// How somebody likes the pages: kept in the browser, at once in force.
import { island } from "./islands.js";

const root = document.documentElement, light = matchMedia("(prefers-color-scheme: light)");
const apply = {
  theme: (value) => { root.dataset.theme = value || (light.matches ? "light" : "dark"); document.dispatchEvent(new CustomEvent("ht:theme")); },
  density: (value) => { if (value) root.dataset.density = value; else delete root.dataset.density; },
  keys: (value) => { root.dataset.keys = value || "on"; },
  zone: () => document.dispatchEvent(new CustomEvent("ht:refreshed")),
};

island("prefs", (element) => {
  for (const input of element.querySelectorAll("input[type=radio]")) {
    input.checked = (localStorage.getItem(`ht-${input.name}`) ?? "") === input.value;
  }
  const zone = element.querySelector("[data-text=zone]");
  zone.textContent = `(${Intl.DateTimeFormat().resolvedOptions().timeZone})`;
  const change = (event) => {
    const { name, value } = event.target;
    if (value) localStorage.setItem(`ht-${name}`, value); else localStorage.removeItem(`ht-${name}`);
    apply[name]?.(value);
  };
  element.addEventListener("change", change);
  return { destroy() { element.removeEventListener("change", change); } };
});
