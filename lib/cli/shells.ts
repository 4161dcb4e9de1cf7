/**
 * The completions' part that lives in a shell: it finds the project that the line is about, passes the line to
 * `completions --line`, and shows the answer. It never installs anything, and says nothing where it finds nothing.
 */

const intro = (shell: string, load: string) =>
  `# Completions for ${shell}: ./run and \`bun run\` of a Slipway project. To have them in every shell: ${load}`;

/** In bash and zsh alike: the project of a command's path, or of the current folder and those above it. */
const common = `_slipway_root() { # PROGRAM
    local dir=$PWD
    case $1 in */*) dir=\${1%/*} ;; esac
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    while [ -n "$dir" ]; do
        if [ -e "$dir/scripts/completions.ts" ] && [ -e "$dir/lib/cli/commands.ts" ]; then
            printf '%s\\n' "$dir"
            return 0
        fi
        case $1 in */*) return 1 ;; esac
        dir=\${dir%/*}
    done
    return 1
}
_slipway_ask() { # ROOT LINE
    local bun=$1/.slipway/bun/node_modules/.bin/bun
    command -v bun >/dev/null && bun=bun
    "$bun" "$1/scripts/completions.ts" --line " $2" 2>/dev/null
}`;

const bash = `${intro("bash", '`eval "$(FOLDER/run completions bash)"` in ~/.bashrc')}
${common}
_slipway() {
    local first=1 root line
    if [[ \${COMP_WORDS[0]##*/} == bun ]]; then
        first=2
        if [[ \${COMP_WORDS[1]} != run || $COMP_CWORD -lt 2 ]] || ! root=$(_slipway_root bun); then
            [[ -z $_slipway_bun_before ]] || "$_slipway_bun_before" "$@"
            return
        fi
    else
        root=$(_slipway_root "\${COMP_WORDS[0]}") || return
    fi
    compopt +o default 2>/dev/null
    local IFS=' '
    line="\${COMP_WORDS[*]:first:COMP_CWORD-first+1}"
    mapfile -t COMPREPLY < <(_slipway_ask "$root" "$line" | cut -f 1)
}
# what completed bun before goes on doing so, outside of a project and for bun's other commands
if [[ \${_slipway_bun_before+set} != set ]]; then
    _slipway_bun_before=$(complete -p bun 2>/dev/null | sed -n 's/.* -F \\([^ ]*\\) .*/\\1/p')
fi
complete -o default -F _slipway run ./run bun`;

const zsh = `${intro("zsh", '`eval "$(FOLDER/run completions zsh)"` in ~/.zshrc, after compinit')}
${common}
_slipway() {
    local first=2 root row
    local -a found
    if [[ \${words[1]:t} == bun ]]; then
        first=3
        if [[ $words[2] != run ]] || (( CURRENT < 3 )) || ! root=$(_slipway_root bun); then
            [[ -z $_slipway_bun_before ]] || "$_slipway_bun_before" "$@"
            return
        fi
    else
        root=$(_slipway_root "$words[1]") || { _files; return }
    fi
    for row in "\${(@f)$(_slipway_ask $root "\${(j: :)words[first,CURRENT]}")}"; do
        [[ -z $row ]] || found+=("\${row%%$'\\t'*}:\${row#*$'\\t'}")
    done
    _describe -V 'slipway' found
}
if (( ! $+functions[compdef] )); then
    autoload -Uz compinit
    compinit
fi
# what completed bun before goes on doing so, outside of a project and for bun's other commands
(( $+_slipway_bun_before )) || typeset -g _slipway_bun_before=\${_comps[bun]-}
compdef _slipway run bun`;

const fish = `${intro("fish", "`FOLDER/run completions fish | source` in ~/.config/fish/config.fish")}
function __slipway_root
    set -l tokens (commandline -opc)
    set -l dir $PWD
    if string match -q '*/*' -- $tokens[1]
        set dir (dirname -- $tokens[1])
    end
    if test (basename -- $tokens[1]) = bun
        set dir $PWD
        test "$tokens[2]" = run; or return 1
    end
    set dir (realpath -- $dir 2>/dev/null); or return 1
    while true
        if test -e $dir/scripts/completions.ts -a -e $dir/lib/cli/commands.ts
            echo $dir
            return 0
        end
        test $dir = /; and return 1
        set dir (dirname -- $dir)
    end
end
function __slipway_complete
    set -l root (__slipway_root); or return
    set -l tokens (commandline -opc)
    set -l first 2
    test (basename -- $tokens[1]) = bun; and set first 3
    set -l bun $root/.slipway/bun/node_modules/.bin/bun
    command -q bun; and set bun bun
    set -l words $tokens[$first..-1] (commandline -ct)
    test (count $tokens) -ge $first; or set words (commandline -ct)
    $bun $root/scripts/completions.ts --line " "(string join ' ' -- $words) 2>/dev/null
end
for program in run bun
    complete -c $program -n '__slipway_root >/dev/null' -f -k -a '(__slipway_complete)'
end`;

/** What each shell loads. */
export const shells: Record<string, string> = { bash, zsh, fish };
