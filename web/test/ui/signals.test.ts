// Signals: who has read a value is told once when it is another, and is left alone otherwise.

import { Component, h, options, render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { batch, computed, effect, signal } from "../../src/ui/signals";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("of two ways to one value, an effect follows once, and never sees half of it", () => {
  const one = signal(1);
  const double = computed(() => one.value * 2);
  const triple = computed(() => one.value * 3);
  const seen: number[] = [];
  effect(() => {
    seen.push(double.value + triple.value);
  });
  one.value = 2;
  one.value = 3;
  expect(seen).toEqual([5, 10, 15]);
});

test("what is as it was wakes nobody", () => {
  const one = signal(Number.NaN);
  const seen = vi.fn(() => void one.value);
  effect(seen);
  one.value = Number.NaN;
  expect(seen).toHaveBeenCalledTimes(1);
});

test("several changes in a batch are followed once, at its end, and what is read elsewhere is not followed", () => {
  const [here, there, aside] = [signal(1), signal(1), signal(1)];
  const seen: number[] = [];
  const stop = effect(() => {
    seen.push(here.value + there.value + aside.peek());
  });
  batch(() => {
    here.value = 2;
    batch(() => {
      there.value = 2;
    });
    expect(seen).toEqual([3]);
  });
  aside.value = 2;
  expect(seen).toEqual([3, 5]);
  stop();
  here.value = 3;
  expect(seen).toEqual([3, 5]);
});

test("an effect follows what it read the last time, not what it read before", () => {
  const [which, one, other] = [signal(true), signal(1), signal(2)];
  const seen: number[] = [];
  effect(() => {
    seen.push(which.value ? one.value : other.value);
  });
  which.value = false;
  one.value = 10;
  expect(seen).toEqual([1, 2]);
  other.value = 20;
  expect(seen).toEqual([1, 2, 20]);
});

test("an effect that throws is reported, and the others follow", () => {
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  const one = signal(1);
  const seen: number[] = [];
  effect(() => {
    if (one.value === 2) throw new Error("no two");
  });
  effect(() => {
    seen.push(one.value);
  });
  one.value = 2;
  expect(seen).toEqual([1, 2]);
  expect(reported).toHaveBeenCalledWith(new Error("no two"));
  one.value = 3;
  expect(seen).toEqual([1, 2, 3]);
});

test("in the installed Preact, a component renders again for what it has read, until it is gone", async () => {
  const [here, elsewhere] = [signal(1), signal(1)];
  const seen: number[] = [];
  const Reader = () => {
    seen.push(here.value);
    return null;
  };
  const root = { nodeType: 1, firstChild: null, childNodes: [] } as unknown as Element; // nothing is drawn into it
  const begun = vi.spyOn(options as unknown as { __b: () => void }, "__b");
  render(h(Reader, null), root);
  expect(begun).toHaveBeenCalled();
  void elsewhere.value; // rendering is over: nobody reads
  elsewhere.value = 2;
  await Promise.resolve();
  expect(seen).toEqual([1]);
  here.value = 2;
  await Promise.resolve();
  expect(seen).toEqual([1, 2]);
  here.value = 2;
  await Promise.resolve();
  expect(seen).toEqual([1, 2]);
  const redrawn = vi.spyOn(Component.prototype, "setState");
  render(null, root);
  here.value = 3;
  expect(redrawn).not.toHaveBeenCalled();
});
