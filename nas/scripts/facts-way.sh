# shellcheck shell=sh
# Facts of the way to images: whether the proxy lets the NAS through to a registry, which certificate
# comes from there, and whether the registry has the image. Asked beside everything else, each with
# limits of its own.
#
# Variables: PROXY_HOST (empty: no proxy, or nothing is to be asked), PROXY_PORT, PROXY_SCHEME,
# PROXY_AUTH, REGISTRY (host:port), TLS_HELLO (a greeting as printf's format, or empty), IMAGE (or
# empty: it is not asked for), PULL_PROBE_TIMEOUT (seconds).

# begin_way, begin_image HTTP_PROXY (of the daemon), end_way: the first two start a question, the last
# prints what came of both.
begin_way() {
  way_job=
  image_job=
  [ -n "$PROXY_HOST" ] && make_notes || return 0
  way_facts >"$tmp/way.facts" 2>/dev/null &
  way_job=$!
}

# The daemon can be asked only once it goes the way that it is to go. Needs image_there.
begin_image() {
  [ -n "$IMAGE" ] && [ "$image_there" = no ] || return 0
  { [ -z "$PROXY_HOST" ] || [ -n "$1" ]; } && make_notes || return 0
  image_facts >"$tmp/image.facts" 2>/dev/null &
  image_job=$!
}

end_way() {
  # shellcheck disable=SC2086
  [ -z "$way_job$image_job" ] || wait $way_job $image_job
  [ -z "${tmp:-}" ] || cat "$tmp"/*.facts 2>/dev/null
  return 0
}

# Leftovers of killed runs are for the scripts that may change something.
make_notes() {
  [ -n "${tmp:-}" ] || try_tmp
}

way_facts() {
  PROXY_LIMIT=5
  ANSWER_TRIES=30
  ask_proxy
  if [ "$connected" = no ]; then
    printf 'way=%s\n' "$(nc_came_to "$(cat "$tmp/nc.status")")"
    return 0
  fi
  if plain_after_all; then
    echo way=plain
    return 0
  fi
  echo way=open
  # Bytes of TLS may follow, of which a line knows nothing.
  printf 'way_answer=%s\n' "$(head -n 1 "$tmp/answer" | tr -d '\r\000' | cut -c 1-200)"
  [ -z "$TLS_HELLO" ] || printf 'way_tls=%s\n' "$(hexadecimal <"$tmp/answer")"
}

# For ask_proxy: greets the registry, and waits for all that it says before it wants to hear more:
# an empty message ServerHelloDone ends it, or an alert (RFC 5246, sections 7.2 and 7.4.5).
go_on() {
  [ -n "$TLS_HELLO" ] && head -n 1 "$tmp/answer" | grep -q '^HTTP/1\.. 200' || return 0
  # shellcheck disable=SC2059 # it is made as a format
  printf "$TLS_HELLO"
  tries=0
  while [ "$tries" -lt 25 ] && [ ! -f "$tmp/nc.status" ]; do
    case $(hexadecimal <"$tmp/answer") in
      *0d0a0d0a16*0e000000 | *0d0a0d0a15*) return 0 ;;
    esac
    tries=$((tries + 1))
    nap
  done
}

hexadecimal() {
  { od -A n -v -t x1 2>/dev/null || hexdump -v -e '1/1 "%02x"' 2>/dev/null; } | tr -d ' \n'
}

image_facts() {
  ask_registry
  if no_such_image; then printf 'image_missing=%s\n' "$message"; fi
}
