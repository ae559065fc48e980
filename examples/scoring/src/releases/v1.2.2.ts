import { engine } from "../engines/v1_2_2";
import { run } from "../run";

void run({ version: "v1.2.2", engine });
