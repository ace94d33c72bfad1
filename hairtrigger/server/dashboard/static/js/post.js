// What scripts send: like a form of the page, answered in JSON.

/**
 * Answers `{ ok, told }`: whether it was done, and what the server said of it; a refusal has its reason in `told.error`.
 * @param {string} url @param {URLSearchParams} [body] @returns {Promise<{ok: boolean, told: any}>}
 */
export async function post(url, body = new URLSearchParams()) {
  const csrf = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=csrf]")).content;
  const answer = await fetch(url, { method: "POST", body, headers: { "X-CSRF": csrf, Accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  return { ok: answer.ok, told: answer.ok ? told : { error: "That could not be done.", ...told } };
}
