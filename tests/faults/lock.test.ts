import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkOf } from "../../records/line";
import { verifyLog } from "../../records/verify";
import { report } from "./random";

const loader = join(__dirname, "..", "..", "typescript.js");
const processes = 64;
const turns = Number(process.env.REWIND_TURNS ?? 2_000);
