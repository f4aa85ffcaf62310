/** Small values that outlive the page: read marks and such. */
export interface Memory {
  get(key: string): string | undefined;
  /** An empty value takes the key away. */
  set(key: string, value: string): void;
}
