// What JSX becomes, by Preact's own `createElement`: stands in for `preact/jsx-runtime` when the page is built (web/build/alias.ts), most
// of which is for servers.

import { type Attributes, type ComponentType, createElement, Fragment } from "preact";

export { Fragment };

export const jsx = (type: string | ComponentType, props: object, key?: string) =>
  createElement(type as string, (key === undefined ? props : { ...props, key }) as Attributes);

export const jsxs = jsx;
