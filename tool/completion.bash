# bash completion for teaspoon: subcommands and options are read from its own help, so that there is one list of them.
# SPDX-License-Identifier: BSD-3-Clause
_teaspoon() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} i
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$1" help 2> /dev/null | sed -n \
            's/^\(Usage:\|      \) teaspoon \([a-z][a-z]*\).*/\2/p') --help --version" -- "$word")
        return
    fi
    if [ "$command" = record ]; then # what follows its program is the program's
        for ((i = 2; i < COMP_CWORD; i++)); do
            case ${COMP_WORDS[i]} in
                -o | --output) ((i++)) ;;
                --) _command_offset $((i + 1)) 2> /dev/null; return ;;
                -* | =) ;;
                *) [ "${COMP_WORDS[i - 1]}" = = ] || { _command_offset "$i" 2> /dev/null; return; } ;;
            esac
        done
    fi
    case $before in
        --variant) mapfile -t COMPREPLY < <(compgen -W "4k 128k 16m auto" -- "$word") ;;
        --align) mapfile -t COMPREPLY < <(compgen -W "4 8 16" -- "$word") ;;
        --heap) mapfile -t COMPREPLY < <(compgen -W "min" -- "$word") ;;
        help) mapfile -t COMPREPLY < <(compgen -W "$("$1" help 2> /dev/null | sed -n \
            's/^\(Usage:\|      \) teaspoon \([a-z][a-z]*\).*/\2/p')" -- "$word") ;;
        *)
            case $word in
                -*) mapfile -t COMPREPLY < <(compgen -W "$("$1" help "$command" 2> /dev/null |
                    grep -oE -e '(^|[^a-z-])--[a-z][a-z-]*' | grep -oE -e '--[a-z-]*' | sort -u) --help" -- "$word") ;;
                *)
                    if [ "$command" = record ]; then mapfile -t COMPREPLY < <(compgen -c -- "$word")
                    else mapfile -t COMPREPLY < <(compgen -f -- "$word"); fi
                    ;;
            esac
            ;;
    esac
}
complete -o filenames -F _teaspoon teaspoon
