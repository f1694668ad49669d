// What just happened, for a moment at the lower edge, and read aloud: a refusal at once, all else when there is time.

import { notice } from "./state";

export function Notice() {
  const now = notice.value;
  return (
    <div class="notices">
      <div role="status">{now && !now.bad && <p class="notice">{now.text}</p>}</div>
      <div role="alert">
        {now?.bad && (
          <p class="notice" data-bad>
            {now.text}
          </p>
        )}
      </div>
    </div>
  );
}
