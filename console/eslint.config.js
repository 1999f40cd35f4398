import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "node_modules", "wasm", "src/api/schema.d.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"] } },
  },
  {
    rules: {
      // Money is a decimal string or a count of minor units. A float would round it.
      "no-restricted-globals": [
        "error",
        { name: "parseFloat", message: "Money is never a float: see src/lib/money.ts." },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      // A Map or Date inside a function is no state; what is state is declared with $state.
      "svelte/prefer-svelte-reactivity": "off",
      // Types alone do not tell that this is a single-page application with its own router.
      "svelte/no-navigation-without-resolve": "off",
    },
  },
);
