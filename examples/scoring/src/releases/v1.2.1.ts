import { engine } from "../engines/v1_2_1";
import { run } from "../run";

void run({ version: "v1.2.1", engine });
