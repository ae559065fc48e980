import type { Argument, Command, Option } from "commander";
import { exitCodes } from "./exit-codes";
import type { VerbResult } from "./result";

/** What words may stand for that no tree of verbs knows: read when it is asked for. */
export interface Names {
  /** The stacks that have a file. */
  readonly stacks: () => readonly string[];
  /** The releases of a stack; of all of them where none is named. */
  readonly releases: (stack: string | undefined) => readonly string[];
}

/** Whether an argument or option takes the name of a release. */
export type TakesRelease = (parser: Argument["parseArg"]) => boolean;

/** The words typed so far, as far as they say what may come. */
interface Typed {
  readonly command: Command;
  /** How many arguments of the command are there already. */
  readonly given: number;
  /** The option whose value comes next. */
  readonly option: Option | undefined;
  readonly stack: string | undefined;
}

/** A shell would read more into any other name than a word. */
const plain = /^[\w.-]+$/;

/**
 * What may stand where the last of some words stands: verbs, flags and choices as the command line itself declares them,
 * and names of stacks and releases.
 * @param words what follows `rewind`; the last of them is being typed, and may be empty
 * @returns a line per word that fits, with a tab before its description where it has one
 */
export function completionsFor(
  program: Command,
  words: readonly string[],
  names: Names,
  takesRelease: TakesRelease,
): string[] {
  const [, flag, value = ""] = /^(--[^=]+)=(.*)$/.exec(words.at(-1) ?? "") ?? [];
  if (flag !== undefined) {
    const apart = [...words.slice(0, -1), flag, value];
    return completionsFor(program, apart, names, takesRelease).map((line) => `${flag}=${line}`);
  }
  const typed = readWords(program, words.slice(0, -1));
  const last = words.at(-1) ?? "";
  const current = typed.option !== undefined && last === "=" ? "" : last;
  const named = (found: readonly string[]): string[] => found.filter((name) => plain.test(name));
  const valuesOf = ({ argChoices, parseArg }: Pick<Option, "argChoices" | "parseArg">): readonly string[] =>
    argChoices ?? (takesRelease(parseArg) ? named(names.releases(typed.stack)) : []);
  const fitting = (found: readonly string[]): string[] => found.filter((line) => line.startsWith(current));
  const { command, option, given } = typed;
  if (option !== undefined) return fitting(isStack(option) ? named(names.stacks()) : valuesOf(option));
  const help = command.createHelp();
  if (current.startsWith("-")) {
    return fitting(help.visibleOptions(command).map(({ long, description }) => `${long ?? ""}\t${description}`));
  }
  const verbs = given > 0 ? [] : help.visibleCommands(command).map((verb) => `${verb.name()}\t${verb.description()}`);
  const { registeredArguments } = command;
  const rest = registeredArguments.at(-1);
  const argument = registeredArguments[given] ?? (rest?.variadic === true ? rest : undefined);
  return fitting([...verbs, ...(argument === undefined ? [] : valuesOf(argument))]);
}

const isStack = (option: Option): boolean => option.attributeName() === "stack";

function readWords(program: Command, words: readonly string[]): Typed {
  let typed: Typed = { command: program, given: 0, option: undefined, stack: undefined };
  for (const word of words) typed = afterWord(typed, word);
  return typed;
}

function afterWord(typed: Typed, word: string): Typed {
  const { command, option, given } = typed;
  // Where a shell takes `--stack=prod` apart, the sign is a word of its own.
  if (option !== undefined && word === "=") return typed;
  if (option !== undefined) return { ...typed, option: undefined, ...(isStack(option) ? { stack: word } : {}) };
  if (word.startsWith("-")) {
    const [flag, value] = word.split("=", 2);
    const found = command.options.find(({ long, short }) => long === flag || short === flag);
    if (found === undefined || !(found.required || found.optional)) return typed;
    return value === undefined ? { ...typed, option: found } : afterWord({ ...typed, option: found }, value);
  }
  const verb = given > 0 ? undefined : command.commands.find((each) => each.name() === word);
  return verb === undefined ? { ...typed, given: given + 1 } : { ...typed, command: verb };
}

/** The shells for which there is a script. */
export const shells = ["bash", "zsh", "fish", "powershell"] as const;
export type CompletedShell = (typeof shells)[number];

/** `rewind completion <shell>`: a script that asks `rewind complete` for what fits, and reads nothing of it as code. */
export function completion(shell: CompletedShell): VerbResult {
  return { code: exitCodes.ok, text: scripts[shell], json: { shell, script: scripts[shell] } };
}

// What is typed and what is offered is never evaluated: no `eval`, no `compgen -W`, which expands what it is given.
const scripts: Readonly<Record<CompletedShell, string>> = {
  bash: `# In ~/.bashrc: eval "$(rewind completion bash)"
_rewind() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -n $line ]]; then COMPREPLY+=("\${line%%$'\\t'*}"); fi
  done < <("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _rewind rewind`,
  zsh: `#compdef rewind
# In ~/.zshrc, after compinit: eval "$(rewind completion zsh)"
_rewind() {
  local line
  local -a found
  while IFS= read -r line; do
    [[ -n $line ]] && found+=("\${line%%$'\\t'*}")
  done < <("\${(Q)words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then compadd -a found; else _files; fi
}
compdef _rewind rewind`,
  fish: `# In ~/.config/fish/config.fish: rewind completion fish | source
function __rewind_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    $typed[1] complete -- $typed[2..-1] "$current" 2>/dev/null | string match -v ''
end
complete -c rewind -f -a '(__rewind_complete)'`,
  powershell: `# In $PROFILE: rewind completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName rewind -ScriptBlock {
    param($current, $line, $cursor)
    $words = @($line.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursor } | ForEach-Object { "$_" })
    # Older shells do not hand an empty word over.
    $next = if ($current -eq '') { @('--next') } else { @() }
    & $words[0] complete @next '--' @($words | Select-Object -Skip 1) 2>$null | Where-Object { $_ } | ForEach-Object {
        $word, $description = $_ -split "\`t", 2
        $tip = if ($description) { $description } else { $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $tip)
    }
}`,
};
