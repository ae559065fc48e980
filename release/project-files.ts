/** The files of a project, for whoever is handed them. What leads out of the project is refused. */
export interface ProjectFiles {
  /** The real path of a file or folder inside the project. Throws one line for people. */
  locate(path: string): string;
  /** A file's bytes, at most `largest`. Throws one line for people. */
  read(path: string, largest: number): Buffer;
  /** The names in a folder, sorted; none when there is no such folder. Throws where the folder leads out. */
  list(path: string): string[];
}
