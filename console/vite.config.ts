import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/**
 * The development server answers /config.json itself: with the sign-in of FLUXO_AUTH (JSON), or, where there is no hosted page to
 * sign in at, with the ID token of FLUXO_DEV_TOKEN. Production builds do not know the token's field.
 */
function developmentConfig(): Plugin {
  return {
    name: "fluxo-development-config",
    configureServer(server) {
      server.middlewares.use("/config.json", (_request, response) => {
        const auth = process.env["FLUXO_AUTH"];
        const config = {
          apiBase: "/api",
          auth: auth ? (JSON.parse(auth) as unknown) : undefined,
          devToken: process.env["FLUXO_DEV_TOKEN"],
        };
        response.setHeader("Content-Type", "application/json");
        response.setHeader("Cache-Control", "no-store");
        response.end(JSON.stringify(config));
      });
    },
  };
}

const api = process.env["FLUXO_URL"];

export default defineConfig({
  plugins: [svelte(), developmentConfig()],
  server: {
    host: "127.0.0.1",
    ...(api && {
      proxy: { "/api": { target: api, changeOrigin: true, rewrite: (path: string) => path.replace(/^\/api/, "") } },
    }),
  },
  build: {
    target: ["chrome111", "firefox116", "safari16.4"],
    // Everything is a file: the page's policy allows no data: scripts, styles or fonts.
    assetsInlineLimit: 0,
    // The list of a chunk's styles is what the budget of scripts/size.mjs reads.
    manifest: true,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
});
