import { createHal } from "../../../target/provider/hal";

/** Opens and closes so many timers and stores, or keeps the last store and uses it. */
export default function onEvent(event: "churn" | "read", count: number): unknown {
  const { clock, storage } = createHal();
  const store = storage.keyValue.open({ path: "churn" });
  store.close();
  if (event === "read") return store.read("key");
  for (let index = 0; index < count; index++) {
    clock.clear(clock.set(() => {}, 1000));
    storage.keyValue.open({ path: "churn" }).close();
  }
  return undefined;
}
