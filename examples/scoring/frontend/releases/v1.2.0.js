import "../style.css";
import { start } from "../app.js";

start({ version: "v1.2.0", greet: () => "How can I help?" });
