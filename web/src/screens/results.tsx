// The way back to what was found, for screens that show either that or the message.

import { Button, IconButton } from "../ui/button";
import { words } from "../words";
import { hasResults, panel } from "./state";

export function Results() {
  return (
    <div class="back-to-results">
      <Button
        kind="quiet"
        icon="back"
        onClick={() => {
          panel.value = "search";
        }}
      >
        {words.value.header.results}
      </Button>
      <IconButton
        label={words.value.close}
        icon="close"
        onClick={() => {
          hasResults.value = false;
        }}
      />
    </div>
  );
}
