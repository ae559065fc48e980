/** Stands in for a call that fails, with the code of the file system. */
export const failWith = (code: string) => (): never => {
  throw Object.assign(new Error(code), { code });
};
