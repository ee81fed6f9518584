# shellcheck shell=sh
# A question to the registry of an image. Variables: IMAGE, PULL_PROBE_TIMEOUT (seconds).

# Lets the daemon ask the registry for the image's manifest, as a pull begins, by its API
# (GET /distribution/NAME/json). Sets status_line, empty without an answer, and message.
ask_registry() {
  : >"$tmp/reply"
  : >"$tmp/reply.err"
  rm -f "$tmp/reply.done"
  {
    printf 'GET /distribution/%s/json HTTP/1.0\r\nHost: docker\r\n\r\n' "$IMAGE"
    # The end of the input would end the question.
    wait_for_reply
  } | { bounded "$PULL_PROBE_TIMEOUT" "$docker" system dial-stdio >"$tmp/reply" 2>"$tmp/reply.err"
    echo $? >"$tmp/reply.done"; }
  status_line=$(head -n 1 "$tmp/reply" | tr -d '\r')
  # Errors of the API are one object with a message.
  message=$(sed -n 's/.*"message": *"\(.*\)"}* *$/\1/p' "$tmp/reply" | sed 's/\\\(["\\]\)/\1/g' | tr -d '\r' | masked | head -n 1 | cut -c 1-400)
}

wait_for_reply() {
  probe_began=$(now)
  probe_told=0
  while [ ! -f "$tmp/reply.done" ]; do
    waited=$(($(now) - probe_began))
    [ "$waited" -lt "$PULL_PROBE_TIMEOUT" ] || break
    if [ $((waited - probe_told)) -ge 15 ]; then
      say "waiting for the registry's answer to Docker, $waited s of $PULL_PROBE_TIMEOUT s: nothing came yet"
      probe_told=$waited
    fi
    # Headers, an empty line and the whole body, which is one line.
    awk '{ sub(/\r$/, "") } body && NF { found = 1 } $0 == "" { body = 1 } END { exit !found }' \
      "$tmp/reply" && return 0
    nap
  done
}
