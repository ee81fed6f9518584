# Completion of `python -m nas` for zsh, which completes programs and not modules: every other use
# of python goes to what completed it before.
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
[[ ${_comps[python]-} == _nas_k3s_complete ]] || _nas_k3s_earlier=${_comps[python]:-_files}

_nas_k3s_complete() {
    if [[ $words[2] != -m || $words[3] != nas || $CURRENT -lt 4 ]]; then
        $_nas_k3s_earlier "$@"
        return
    fi
    local kind value help
    local -a response plain described
    response=("${(@f)$(COMP_WORDS="nas ${words[4,-1]}" COMP_CWORD=$((CURRENT - 3)) \
        _NAS_COMPLETE=zsh_complete ${~words[1]} -m nas 2>/dev/null)}")
    for kind value help in $response; do
        case $kind in
            plain) if [[ $help == _ ]]; then plain+=("$value"); else described+=("$value:$help"); fi ;;
            dir) _path_files -/ ;;
            file) _path_files -f ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
}

compdef _nas_k3s_complete python python3
