// Islands: elements that a module brings to life, wherever they come from and as long as they are there.

/**
 * Mount on every `[data-island=name]`, now and after each swap; unmount what is gone.
 * @param {string} name @param {(element: HTMLElement) => {destroy: () => void}} mount
 */
export function island(name, mount) {
  const mounted = new Map();
  const look = () => {
    for (const [element, one] of mounted) {
      if (element.isConnected) continue;
      mounted.delete(element);
      one.destroy();
    }
    for (const element of document.querySelectorAll(`[data-island="${name}"]`)) {
      const found = (element);
      if (!mounted.has(found)) mounted.set(found, mount(found));
    }
  };
  document.addEventListener("htmx:after:swap", look);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", look);
  else look();
}
