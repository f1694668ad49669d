// The list of keys.

import { Dialog } from "../ui/dialog";
import { words } from "../words";
import { more } from "../words/more";
import { closeDialog } from "./state";

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const MOD = mac ? "⌘" : "Ctrl";
const ALT = mac ? "⌥" : "Alt";

export function KeysDialog() {
  const { title, anywhere, inLog, inBox, list } = more.value.keys;
  const groups: [string, [string[], string][]][] = [
    [
      anywhere,
      [
        [[`${MOD} K`], list.switcher],
        [[`${MOD} F`], list.search],
        [[`${ALT} ↓`, `${ALT} ↑`], list.room],
        [[`${ALT} Shift ↓`, `${ALT} Shift ↑`], list.unreadRoom],
        [["F6", "Shift F6"], list.regions],
        [[`${MOD} /`], list.help],
      ],
    ],
    [
      inBox,
      [
        [["Enter"], list.send],
        [["Shift Enter"], list.line],
        [["↑"], list.editLast],
        [["Esc"], list.cancel],
      ],
    ],
    [
      inLog,
      [
        [["↑", "↓"], list.rows],
        [["Home", "End"], list.ends],
        [["PgUp", "PgDn"], list.pages],
        [["Enter"], list.actions],
        [["R"], list.reply],
        [["E"], list.edit],
        [["+"], list.react],
        [["P"], list.pin],
        [["U"], list.unread],
        [["Del"], list.delete],
        [["Esc"], list.leave],
      ],
    ],
  ];
  return (
    <Dialog title={title} closeLabel={words.value.close} onClose={closeDialog} size="wide">
      <div class="keys">
        {groups.map(([name, keys]) => (
          <section key={name}>
            <h3>{name}</h3>
            <dl>
              {keys.map(([combinations, what]) => (
                <div key={what}>
                  <dt>
                    {combinations.map((combination) => (
                      <span key={combination} class="keys-one">
                        {combination.split(" ").map((key) => (
                          <kbd key={key}>{key}</kbd>
                        ))}
                      </span>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
