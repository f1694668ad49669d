// A room in Vue. In an application: npm install madang vue; then app.component("room", Room).

import { connect } from "madang";
import { computed, onScopeDispose, ref, shallowRef } from "vue";

const client = connect("http://localhost:8400", { guest: "Mina" });

/** A store's present value. */
export function useStore(store) {
  const value = shallowRef(store.getSnapshot());
  const stop = store.subscribe(() => {
    value.value = store.getSnapshot();
  });
  onScopeDispose(stop);
  return value;
}

export const Room = {
  props: { id: { type: String, required: true } },
  setup({ id }) {
    const room = client.room(id);
    const now = useStore(room.store);
    const text = ref("");
    room.join().catch(() => {}); // a refusal is in the store
    const messages = computed(() => now.value.items.filter(({ kind }) => kind === "message"));
    const send = () => {
      room.send(text.value);
      text.value = "";
    };
    return { messages, now, text, send };
  },
  template: `
    <form @submit.prevent="send">
      <ol><li v-for="m in messages" :key="m.key" :data-state="m.state">{{ m.name }}: {{ m.text }}</li></ol>
      <input aria-label="Message" v-model="text" :disabled="!now.canWrite" />
    </form>`,
};
