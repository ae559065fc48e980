import "../style.css";
import { start } from "../app.js";

start({ version: "v1.2.1", greet: (title) => `How can I help with ${title.toLowerCase()}?` });
