#!/bin/sh
# updater postinst updatedockerdconf FILE: takes the member `proxies` out of the daemon's config file
# and writes the rest on one line; other members stay, as it was seen of the real updater. A
# file that is no JSON object is left alone.
[ "$1 $2" = "postinst updatedockerdconf" ] && [ -f "$3" ] || exit 0
new=$(busybox awk '
    # Top-level members with the white space outside of strings taken out.
    { text = text $0 "\n" }
    END {
        depth = 0; quoted = 0; member = ""; out = ""
        for (i = 1; i <= length(text); i++) {
            c = substr(text, i, 1)
            if (quoted) {
                member = member c
                if (c == "\\") { i++; member = member substr(text, i, 1) }
                else if (c == "\"") quoted = 0
                continue
            }
            if (c ~ /[ \t\r\n]/) continue
            if (c == "\"") quoted = 1
            if (c == "{" || c == "[") { depth++; if (depth == 1) continue }
            if (c == "}" || c == "]") { depth--; if (depth == 0) { add(); continue } }
            if (depth == 1 && c == ",") { add(); continue }
            member = member c
        }
        if (depth != 0 || quoted) exit 1
        print "{" out "}"
    }
    function add() {
        if (member != "" && member !~ /^"proxies":/) out = out (out == "" ? "" : ",") member
        member = ""
    }
' "$3") || exit 0
# Into the file that is there: a link, its owner and its mode stay.
[ "$new" = "$(cat "$3")" ] || printf '%s' "$new" >"$3"
