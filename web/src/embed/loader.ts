// <madang-room>: what a page of another origin loads first. It registers the element and shows the launcher; all else is loaded when
// the room is opened or comes into view. Nothing is asked of the server before that, unless the reader is known already.

import type { Client } from "madang";
import styleUrl from "./style.css?url";
import type { Mounted } from "./widget";
import { LAUNCHER, languageOf } from "./words";

const ATTRIBUTES = ["server", "room", "mode", "lang", "theme", "name", "font", "since"];
const OWN = new URL(import.meta.url).origin;

const style = new CSSStyleSheet();
style.replaceSync(`
:host{display:block;block-size:480px;contain:content}
:host([mode=launcher]){display:contents}
:host([hidden]){display:none}
.launcher{position:fixed;z-index:2147483000;inset-block-end:20px;inset-inline-end:20px;display:grid;place-items:center;inline-size:56px;block-size:56px;padding:0;border:0;border-radius:50%;background:var(--madang-accent,#1f6f54);color:var(--madang-on-accent,#fff);box-shadow:0 6px 24px rgb(0 0 0/.24);cursor:pointer}
.launcher:focus-visible{outline:2px solid var(--madang-focus,#12609e);outline-offset:3px}
.launcher svg{inline-size:26px;block-size:26px;fill:none;stroke:currentColor;stroke-width:1.75;stroke-linecap:round;stroke-linejoin:round}
.badge{position:absolute;inset-block-start:-4px;inset-inline-end:-4px;min-inline-size:20px;padding:0 6px;border-radius:10px;background:var(--madang-unread,#c2410c);color:var(--madang-on-unread,#fff);font:650 12px/20px system-ui,sans-serif}
.badge:empty{display:none}`);

let loading: Promise<CSSStyleSheet> | undefined;

/** Load the room's style, once for all elements. A style sheet of its own needs nothing of the page's policy but `connect-src`. */
function roomStyle(): Promise<CSSStyleSheet> {
  loading ??= (async () => {
    const answer = await fetch(styleUrl);
    if (!answer.ok) throw new Error(`${styleUrl}: ${answer.status}`);
    return new CSSStyleSheet().replace(await answer.text());
  })();
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}

/** A room of Madang, as an element of any page. Attributes are read again when they change. */
export class MadangRoom extends HTMLElement {
  static observedAttributes = ATTRIBUTES;

  /** Asked for a token of the page's own user, by the page's backend. Without it the reader is a guest. */
  getToken: ((request: { reason: string; signal: AbortSignal }) => Promise<string>) | undefined;
  /** A client of the SDK to use instead of a connection of its own. */
  client: Client | undefined;

  readonly #root = this.attachShadow({ mode: "open" });
  #mounted: Promise<Mounted | null> | null = null;
  #launcher: HTMLButtonElement | null = null;
  #seen: IntersectionObserver | null = null;

  connectedCallback(): void {
    for (const name of ["getToken", "client"] as const) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name]; // set before the element was defined
      delete this[name];
      Object.assign(this, { [name]: value });
    }
    this.#root.adoptedStyleSheets = [style];
    if (this.mode === "launcher") this.#showLauncher();
    else {
      this.#seen = new IntersectionObserver((entries) => {
        if (entries.some((entry) => entry.isIntersecting)) this.open();
      });
      this.#seen.observe(this);
    }
  }

  disconnectedCallback(): void {
    this.#seen?.disconnect();
    const mounted = this.#mounted;
    this.#mounted = null;
    this.#launcher = null;
    this.#root.replaceChildren();
    mounted?.then((it) => it?.end());
  }

  attributeChangedCallback(): void {
    this.#mounted?.then((mounted) => mounted?.changed());
    if (this.#launcher) this.#launcher.ariaLabel = LAUNCHER[this.speaks];
  }

  get mode(): "inline" | "launcher" | "read-only" {
    const mode = this.getAttribute("mode");
    return mode === "launcher" || mode === "read-only" ? mode : "inline";
  }

  /** Where the server is: the origin of this script, unless the attribute says otherwise. */
  get server(): string {
    return this.getAttribute("server") ?? OWN;
  }

  /** The language it speaks. */
  get speaks(): "en" | "ko" {
    return languageOf(this.lang);
  }

  /** Show the room. */
  async open(): Promise<void> {
    this.#mounted ??= this.#load();
    (await this.#mounted)?.open();
  }

  /** Hide it again; only the launcher stays. */
  close(): void {
    this.#mounted?.then((mounted) => mounted?.close());
  }

  /** Send a message as the reader. */
  async send(text: string): Promise<void> {
    this.#mounted ??= this.#load();
    await (await this.#mounted)?.send(text);
  }

  /** Forget the reader on this device: their token, drafts, and what was not sent yet. */
  async signOut(): Promise<void> {
    await (await this.#mounted)?.signOut();
  }

  /** Whether the SDK keeps a guest of an earlier visit. */
  #returns(): boolean {
    try {
      return localStorage.getItem(`madang:${new URL(this.server).host}:token`) !== null;
    } catch {
      return false; // the page may not keep anything
    }
  }

  async #load(): Promise<Mounted | null> {
    try {
      const [{ mount }, style] = await Promise.all([import("./widget"), roomStyle()]);
      return this.isConnected ? await mount(this, this.#root, this.#launcher, style) : null;
    } catch (error) {
      this.#mounted = null; // the next opening tries again
      console.error(
        `madang-room: ${OWN} was not reached, or this page's policy forbids it. It must allow ${OWN} in script-src and connect-src.`,
      );
      throw error;
    }
  }

  #showLauncher(): void {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "launcher";
    button.part.add("launcher");
    button.ariaLabel = LAUNCHER[this.speaks];
    button.ariaExpanded = "false";
    button.setAttribute("aria-haspopup", "dialog");
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("viewBox", "0 0 20 20");
    icon.setAttribute("aria-hidden", "true");
    const path = icon.appendChild(document.createElementNS(icon.namespaceURI, "path"));
    path.setAttribute("d", "M3.5 4.5h13v9h-7l-3.5 3v-3H3.5z");
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.part.add("badge");
    button.append(icon, badge);
    button.onclick = () => (button.ariaExpanded === "true" ? this.close() : this.open());
    this.#root.append(button);
    this.#launcher = button;
    // Who is known has a number of unread messages.
    const known = () => {
      if (this.isConnected && (this.getToken || this.client || this.#returns())) this.#mounted ??= this.#load();
    };
    (globalThis.requestIdleCallback ?? setTimeout)(known);
  }
}

if (!customElements.get("madang-room")) customElements.define("madang-room", MadangRoom);
