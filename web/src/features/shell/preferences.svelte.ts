import { catalogues, DateFormat, LANGUAGES, pickLanguage, type Catalogue, type Language } from '$lib/i18n';
import type { Platform, Settings, Theme } from '$lib/platform';
import type { NoticeLevel } from '$lib/timeline';

/** What the person has chosen. Every change is kept at once. */
export class Preferences {
  #settings = $state.raw<Settings>({});
  readonly #language: Language = $derived.by(() => {
    const chosen = LANGUAGES.find((language) => language === this.#settings.language);
    return chosen ?? pickLanguage(navigator.languages);
  });
  readonly #dates = $derived(new DateFormat(this.#language));

  constructor(
    private readonly platform: Platform,
    settings: Settings,
  ) {
    this.#settings = settings;
    $effect.root(() => {
      $effect(() => {
        document.documentElement.lang = this.#language;
      });
      $effect(() => {
        const { theme } = this;
        if (theme === 'system') delete document.documentElement.dataset['theme'];
        else document.documentElement.dataset['theme'] = theme;
      });
    });
  }

  get settings(): Settings {
    return this.#settings;
  }

  update(change: Settings): void {
    this.#settings = { ...this.#settings, ...change };
    this.platform.saveSettings(this.#settings);
  }

  get language(): Language {
    return this.#language;
  }

  /** Every text of the interface, in the person's language. */
  get t(): Catalogue {
    return catalogues[this.#language];
  }

  get dates(): DateFormat {
    return this.#dates;
  }

  get theme(): Theme {
    return this.#settings.theme ?? 'system';
  }

  get notices(): NoticeLevel {
    return this.#settings.notices ?? 'condensed';
  }

  get notifications(): boolean {
    return this.#settings.notifications ?? false;
  }

  get typing(): boolean {
    return this.#settings.typing ?? true;
  }

  /** Whether the list of members stands beside the room on a wide window. */
  get members(): boolean {
    return this.#settings.members ?? true;
  }
}
