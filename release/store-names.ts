/** The stores of records that are in a folder. */
export const folderStores = ["json", "leveldb"] as const;
export type FolderStore = (typeof folderStores)[number];

/** Those in a database, whose connection string stands in an environment variable. */
export const databaseStores = ["postgresql"] as const;
export type DatabaseStore = (typeof databaseStores)[number];

/** All of them. A file in `records/stores` beside the others makes one more, with its name here. */
export const storeNames = [...folderStores, ...databaseStores] as const;
export type StoreName = (typeof storeNames)[number];

export const isFolderStore = (name: string | undefined): name is FolderStore =>
  folderStores.some((each) => each === name);
export const isDatabaseStore = (name: string | undefined): name is DatabaseStore =>
  databaseStores.some((each) => each === name);
