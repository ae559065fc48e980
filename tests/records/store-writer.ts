import { openStore, type Place } from "../../records/stores";

// A process of its own that writes to a store as fast as it may: <place as JSON> <name> <entries>.
const [place = "", name = "", count = ""] = process.argv.slice(2);
const store = openStore(JSON.parse(place) as Place);

async function write(): Promise<void> {
  const journal = store.journal("staging");
  for (let at = 0; at < Number(count); at += 1) {
    await store.collection("contracts").write(new Map([[`${name}-${at}`, at]]));
    while (!(await journal.append(Buffer.from(`${name}-${at}\n`), await journal.size())));
  }
  await store.close();
}

void write();
