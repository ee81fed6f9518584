#!/usr/bin/busybox sh
# Stands before runc on machines that lack CAP_SYS_RESOURCE, as many containers do. There
# runc refuses the capability, which old engines give to every privileged container, and limits
# above the hard ones of this box. Take the former off what runc is to run and lower the latter:
# the bundle's config for a container, the file of the process for an exec.
real=${0%/*}/runc.real
config=./config.json
previous=
for word in "$@"; do
    case "$previous" in
        --bundle | -b) config=$word/config.json ;;
        --process | -p) config=$word ;;
    esac
    previous=$word
done
[ -f "$config" ] || exec "$real" "$@"

# Capability 24 is the lowest bit of the tenth of sixteen hexadecimal digits.
bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
digit=${bounding#?????????}
case "${digit%??????}" in [13579bdfBDF]) exec "$real" "$@" ;; esac

# shellcheck disable=SC3045  # BusyBox ash has -H
files=$(ulimit -Hn)
# shellcheck disable=SC3045
processes=$(ulimit -Hu)
# shellcheck disable=SC2016  # a program for awk
/usr/bin/busybox awk -v files="$files" -v processes="$processes" '
    function lower(name, most,    start, text, rest, parts) {
        start = index($0, "\"type\":\"" name "\",\"hard\":")
        if (!start || most == "unlimited") return
        text = substr($0, start)
        rest = substr(text, index(text, "}"))
        text = substr(text, 1, index(text, "}") - 1)
        split(text, parts, /[:,]/)
        if (parts[4] + 0 > most + 0) parts[4] = most
        if (parts[6] + 0 > most + 0) parts[6] = most
        $0 = substr($0, 1, start - 1) \
            "\"type\":\"" name "\",\"hard\":" parts[4] ",\"soft\":" parts[6] rest
    }
    {
        gsub(/"CAP_SYS_RESOURCE",/, "")
        gsub(/,"CAP_SYS_RESOURCE"/, "")
        lower("RLIMIT_NOFILE", files)
        lower("RLIMIT_NPROC", processes)
        print
    }
' "$config" >"$config.lab" && cat "$config.lab" >"$config"
rm -f "$config.lab"
exec "$real" "$@"
