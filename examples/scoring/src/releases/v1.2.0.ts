import { engine } from "../engines/v1_2_0";
import { run } from "../run";

void run({ version: "v1.2.0", engine });
