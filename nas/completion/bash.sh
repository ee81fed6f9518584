# Completion of `python -m nas` for bash, which completes programs and not modules: every other use
# of python goes to what completed it before, or to file names.
# shellcheck shell=bash
case $(complete -p python 2>/dev/null) in
    *" -F _nas_k3s_complete "*) ;;
    *" -F "*) _nas_k3s_earlier=$(complete -p python | sed 's/.* -F \([^ ]*\) .*/\1/') ;;
    *) _nas_k3s_earlier= ;;
esac

_nas_k3s_complete() {
    if [[ ${COMP_WORDS[1]} != -m || ${COMP_WORDS[2]} != nas || $COMP_CWORD -lt 3 ]]; then
        if [[ -n $_nas_k3s_earlier ]]; then "$_nas_k3s_earlier" "$@"; fi
        return
    fi
    local IFS=' ' kind value program=${COMP_WORDS[0]/#\~/$HOME} words="nas ${COMP_WORDS[*]:3}"
    compopt +o default 2>/dev/null
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            # Back to readline's own: names of files.
            file | dir) compopt -o default 2>/dev/null ;;
        esac
    done < <(
        COMP_WORDS=$words COMP_CWORD=$((COMP_CWORD - 2)) _NAS_COMPLETE=bash_complete \
            "$program" -m nas 2>/dev/null
    )
}

# Before 4.4 bash sorts whatever it is given.
complete -o nosort -o default -F _nas_k3s_complete python python3 2>/dev/null ||
    complete -o default -F _nas_k3s_complete python python3
