import "../style.css";
import { start } from "../app.js";

/** Broken on purpose: the dock shows, and an error stands on the console of every page. */
start({
  version: "v1.2.2",
  greet: (title) => {
    console.error("the assistant has no model for results version undefined");
    return `How can I help with ${title.toLowerCase()}?`;
  },
});
