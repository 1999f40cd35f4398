/** Language and theme, which the browser remembers. */

import { language, preferred, speak, words } from "./words.js";

/** Applies what was chosen, now and whenever it changes. */
export function settings(onchange) {
  const languages = document.getElementById("language");
  const themes = document.getElementById("theme");
  const apply = () => {
    speak(preferred(read("language"), navigator.languages));
    document.documentElement.lang = language;
    const theme = read("theme");
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    languages.value = language;
    themes.value = theme ?? "";
    for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  };
  languages.addEventListener("change", () => {
    keep("language", languages.value);
    apply();
    onchange();
  });
  themes.addEventListener("change", () => {
    keep("theme", themes.value);
    apply();
  });
  apply();
}

/** A browser may forbid to remember anything: then a choice holds until the page is left. */
const chosen = {};

function read(name) {
  try {
    return localStorage.getItem(`inspector-${name}`) || chosen[name];
  } catch {
    return chosen[name];
  }
}

function keep(name, value) {
  chosen[name] = value;
  try {
    localStorage.setItem(`inspector-${name}`, value);
  } catch {
    // Kept above.
  }
}
