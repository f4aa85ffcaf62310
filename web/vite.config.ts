import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  plugins: [svelte()],
  // Relative URLs: the same build is served by the server, below any prefix, and wrapped by the desktop.
  base: './',
  resolve: { alias: { $lib: path('./src/lib'), $features: path('./src/features') } },
  build: {
    target: 'es2022',
    // A strict content security policy forbids inline scripts, and data: URLs for code and styles.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: {
    // `npm run dev` beside a running server: `SALOTTO_WEB=http://127.0.0.1:8080 npm run dev`.
    proxy: {
      '/ws': { target: process.env['SALOTTO_WEB'] ?? 'http://127.0.0.1:8080', ws: true },
    },
  },
});
