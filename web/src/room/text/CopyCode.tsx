// The button that copies a piece of code: it lies over the code's corner.

import { useState } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { copy } from "../copy";
import { useMore } from "../words.more";

export function CopyCode({ text }: { text: string }) {
  const words = useMore();
  const [copied, setCopied] = useState(false);
  const label = copied ? words.copied : words.copyCode;
  return (
    <button
      type="button"
      class="icon-button"
      tabIndex={-1}
      aria-label={label}
      title={label}
      onClick={() => copy(text).then(() => setCopied(true))}
    >
      <Icon name={copied ? "check" : "copy"} />
    </button>
  );
}
