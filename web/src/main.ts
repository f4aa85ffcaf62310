import { mount } from 'svelte';
import { App } from '$features/shell/app.svelte';
import Root from '$features/shell/Root.svelte';
import { openStore } from '$lib/outbox';
import { detectPlatform } from '$lib/platform';
import { storage, StorageMemory } from '$lib/platform/memory';
import './styles/tokens.css';
import './styles/base.css';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');

const platform = await detectPlatform();
const [settings, outbox] = await Promise.all([
  platform.loadSettings(),
  openStore('indexedDB' in window ? window.indexedDB : undefined),
]);
const app = new App({
  platform,
  settings,
  outbox,
  memory: new StorageMemory(storage('localStorage')),
  session: new StorageMemory(storage('sessionStorage')),
});
mount(Root, { target, props: { app } });
