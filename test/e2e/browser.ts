/** A real browser for the tests of the pages: chromium, where there is one. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Without it tests of `what` are skipped, and that is said. */
export function hasBrowser(what: string): boolean {
  if (existsSync(executablePath)) return true;
  console.warn(`SKIPPED: ${what}: there is no ${executablePath} (set CHROMIUM)`);
  return false;
}

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  /** By how much the clock of the browser's machine is ahead of the server's. */
  readonly aheadMs?: number;
}

/** One page at a time, each in a context of its own, as of somebody who was never here. */
export class Pages {
  readonly #browser: Browser;
  readonly #problems: string[] = [];
  /** Where pictures of each state are written to; none by default. */
  readonly #pictures = process.env['PAGE_PICTURES'];
  #page: Page | null = null;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<Pages> {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
    return new Pages(await chromium.launch({ executablePath, args }));
  }

  async open(url: string, options: OpenOptions = {}): Promise<Page> {
    const { width = 1200, height = 900, aheadMs = 0 } = options;
    const context = await this.#browser.newContext({
      viewport: { width, height },
      locale: 'en-US',
    });
    const skewed = `{ const now = Date.now; Date.now = () => now() + ${aheadMs}; }`;
    if (aheadMs !== 0) await context.addInitScript(skewed);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.#problems.push(error.message));
    page.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && text.includes('Content Security')) {
        this.#problems.push(text);
      }
    });
    this.#page = page;
    await page.goto(url);
    return page;
  }

  async picture(name: string): Promise<void> {
    if (this.#pictures === undefined) return;
    await this.#page?.screenshot({ path: `${this.#pictures}/${name}.png` });
  }

  /** Nothing is wider than the screen. */
  async fits(): Promise<void> {
    const wide = await this.#page?.evaluate(
      'document.documentElement.scrollWidth - window.innerWidth',
    );
    expect(wide).toBeLessThanOrEqual(0);
  }

  /** Closes it. None of its scripts has failed, and none has broken the page's own policy. */
  async leave(): Promise<void> {
    await this.#page?.context().close();
    this.#page = null;
    expect(this.#problems.splice(0)).toEqual([]);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}
