/** The pages, by path. */
const pages = {
  "/tasks": { title: "Tasks", text: "Answer the open items of your assessment." },
  "/documents": { title: "Documents", text: "Everything that was uploaded for your profile." },
  "/onboarding": { title: "Onboarding", text: "Three steps to your first assessment." },
  "/assistant": { title: "Assistant", text: "Ask about your results." },
};

/** Shows the page that the address names, and the dock of the assistant as a release has it. */
export function start({ version, greet }) {
  const path = location.pathname in pages ? location.pathname : "/tasks";
  const { title, text } = pages[path];
  document.title = `${title} · Scoring ${version}`;
  document.querySelector("nav").append(
    ...Object.entries(pages).map(([href, page]) => {
      const link = Object.assign(document.createElement("a"), { href, textContent: page.title });
      if (href === path) link.setAttribute("aria-current", "page");
      return link;
    }),
  );
  const heading = Object.assign(document.createElement("h1"), { textContent: title });
  const paragraph = Object.assign(document.createElement("p"), { textContent: text });
  document.querySelector("main").append(heading, paragraph);
  const dock = document.querySelector("[data-assistant-dock]");
  dock.dataset.version = version;
  dock.textContent = greet(title);
  dock.hidden = false;
}
