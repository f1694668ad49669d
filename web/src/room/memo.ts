// A component that is rendered again only when one of its props is another one.

import { Component, type ComponentChildren, createElement, type FunctionComponent } from "preact";

export function memo<P extends object>(View: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return differ(this.props as P, next) || differ(next, this.props as P);
    }

    override render(): ComponentChildren {
      return createElement(View, this.props as P);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}

function differ<P extends object>(one: P, other: P): boolean {
  for (const name in one) if (one[name] !== other[name]) return true;
  return false;
}
