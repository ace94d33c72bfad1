// Before the first paint: the theme, which the browser remembers and the system decides otherwise.
(() => {
  const light = matchMedia("(prefers-color-scheme: light)");
  const set = () => {
    const chosen = localStorage.getItem("ht-theme");
    document.documentElement.dataset.theme = chosen ?? (light.matches ? "light" : "dark");
  };
  set();
  light.addEventListener("change", set);
  const density = localStorage.getItem("ht-density");
  if (density) document.documentElement.dataset.density = density;
  document.documentElement.dataset.keys = localStorage.getItem("ht-keys") ?? "on";
})();
