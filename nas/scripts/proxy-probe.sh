# shellcheck shell=sh
# Whether images can be pulled through the proxy: asked before a restart, from the NAS itself, and
# after it, by the daemon.

# Asks the proxy for the registry before anything changes: a restart for a dead proxy would stop
# the owner's containers for nothing.
check_proxy() {
  command -v nc >/dev/null 2>&1 || return 0
  say "asking the proxy $PROXY_HOST:$PROXY_PORT for $REGISTRY"
  ask_proxy
  answer=$(head -n 1 "$tmp/answer" 2>/dev/null | tr -d '\r')
  case $answer in
    'HTTP/1.'?' 200'*) return 0 ;;
    'HTTP/1.'?' 407'*)
      fail "the hop daemon -> proxy fails: $PROXY_HOST:$PROXY_PORT wants other credentials ($answer)" \
        "set nas-k3s:proxyUser and, as a secret, nas-k3s:proxyPassword; nothing was changed"
      ;;
    'HTTP/1.'*)
      # It answers, and Docker does not ask it for this one.
      [ "$REGISTRY_SPARED" = no ] || return 0
      fail "the hop proxy -> registry fails: $PROXY_HOST:$PROXY_PORT answers '$answer' for $REGISTRY" \
        "let the proxy reach $REGISTRY; nothing was changed"
      ;;
  esac
  if [ "$connected" = yes ]; then
    [ "$PROXY_SCHEME" != http ] || fail \
      "the hop daemon -> proxy fails: $PROXY_HOST:$PROXY_PORT is open but is no HTTP proxy" \
      "check nas-k3s:proxy; nothing was changed"
    if plain_after_all; then
      fail "the hop daemon -> proxy fails: $PROXY_HOST:$PROXY_PORT speaks plain HTTP, and nas-k3s:proxy says https" \
        "write http://$PROXY_HOST:$PROXY_PORT in nas-k3s:proxy; nothing was changed"
    fi
    return 0
  fi
  fail "the hop daemon -> proxy fails: $PROXY_HOST:$PROXY_PORT cannot be reached from the NAS ($(tail -n 1 "$tmp/nc.err"))" \
    "start the proxy or change nas-k3s:proxy; nothing was changed"
}

# Leaves the proxy's answer in $tmp/answer, what nc came to in $tmp/nc.status, and sets connected.
ask_proxy() {
  connected=no
  rm -f "$tmp/nc.status"
  {
    if [ "$PROXY_SCHEME" = http ]; then
      printf 'CONNECT %s HTTP/1.1\r\nHost: %s\r\n' "$REGISTRY" "$REGISTRY"
      [ -z "$PROXY_AUTH" ] || printf 'Proxy-Authorization: %s\r\n' "$PROXY_AUTH"
      printf '\r\n'
    fi
    # An open input keeps nc waiting for the answer.
    wait_for_answer
    go_on
  } | {
    bounded 20 nc -w "${PROXY_LIMIT:-10}" "$PROXY_HOST" "$PROXY_PORT" >"$tmp/answer" 2>"$tmp/nc.err"
    echo $? >"$tmp/nc.status"
  }
  if [ "$(cat "$tmp/nc.status")" = 0 ] || [ -s "$tmp/answer" ]; then connected=yes; fi
}

# Whether what should speak TLS answers as an HTTP proxy does that does not. It is told no login.
plain_after_all() {
  [ "$PROXY_SCHEME" = https ] || return 1
  login=$PROXY_AUTH
  patience=${ANSWER_TRIES:-}
  PROXY_SCHEME=http
  PROXY_AUTH=
  ANSWER_TRIES=10
  ask_proxy
  PROXY_SCHEME=https
  PROXY_AUTH=$login
  ANSWER_TRIES=$patience
  case $(head -n 1 "$tmp/answer" | tr -d '\000') in
    'HTTP/1.'?' 200'* | 'HTTP/1.'?' 407'*) return 0 ;;
  esac
  return 1
}

# nc_came_to STATUS: open, refused, silent, unreachable, unknown-name, what else nc said in
# $tmp/nc.err, or absent: there is no nc.
nc_came_to() {
  said=$(tail -n 1 "$tmp/nc.err")
  case $1$said in
    0*) echo open ;;
    127*) echo absent ;;
    *refused*) echo refused ;;
    124* | *"timed out"* | *"imeout"*) echo silent ;;
    *unreachable* | *"No route"*) echo unreachable ;;
    *"bad address"* | *"not known"* | *resol* | *"can't lookup"*) echo unknown-name ;;
    *) printf '%s\n' "${said:-silent}" ;;
  esac
}

# What else is said through the proxy; facts-way.sh has more.
go_on() {
  :
}

wait_for_answer() {
  tries=0
  while [ "$tries" -lt "${ANSWER_TRIES:-75}" ] && [ ! -s "$tmp/answer" ] && [ ! -s "$tmp/nc.err" ]; do
    [ "$PROXY_SCHEME" = http ] || [ "$tries" -lt 5 ] || return 0
    tries=$((tries + 1))
    nap
  done
}

# Lets the daemon ask the registry for the image's manifest, as a pull begins, by its API
# (GET /distribution/NAME/json). On failure, why names the hop. Sets hop too: ok, or which one
# fails: tls-proxy, login, proxy, tls, lookup, registry, silent; unknown when it cannot be asked.
pull_path_works() {
  say "letting Docker ask the registry for $IMAGE"
  ask_registry
  judge_reply
}

# shellcheck disable=SC2034 # why is for daemon-proxy.sh, hop for doctor.sh
judge_reply() {
  via="$PROXY_HOST:$PROXY_PORT"
  way="through the proxy"
  by=" through $via"
  needs_ca="a proxy that re-signs TLS needs its CA in"
  if [ "$REGISTRY_SPARED" = yes ]; then
    way="without the proxy, as nas-k3s:noProxy has it"
    by=", $way"
    needs_ca="its CA belongs into"
  fi
  hop=unknown
  case $status_line in
    'HTTP/1.'?' 200'*)
      hop=ok
      say "Docker reaches $REGISTRY $way"
      return 0
      ;;
    '')
      if ! docker_answers; then
        why="Docker came back, and then it died while it asked $REGISTRY"
        return 1
      fi
      if [ "$(cat "$tmp/reply.done" 2>/dev/null)" != 124 ] && [ -s "$tmp/reply.err" ]; then
        say "warning: this docker cannot be asked for a registry ($(tail -n 1 "$tmp/reply.err" | masked))"
        return 0
      fi
      hop=silent
      why="Docker got no answer from $REGISTRY within $PULL_PROBE_TIMEOUT s: the proxy $via takes connections and says nothing"
      [ "$REGISTRY_SPARED" = no ] || why="Docker got no answer from $REGISTRY within $PULL_PROBE_TIMEOUT s, $way"
      return 1
      ;;
  esac
  # Behind `no:` stands what only a proxy can be blamed for.
  case $REGISTRY_SPARED:$message in
    no:*proxyconnect*x509* | no:*proxyconnect*tls*)
      hop=tls-proxy
      why="the hop daemon -> proxy fails: $via does not speak TLS as Docker trusts it ($message)"
      ;;
    no:*"roxy Authentication Required"*)
      hop=login
      why="the hop daemon -> proxy fails: $via wants other credentials; set nas-k3s:proxyUser and nas-k3s:proxyPassword ($message)"
      ;;
    no:*proxyconnect* | no:*"socks connect"*)
      hop=proxy
      why="the hop daemon -> proxy fails: Docker cannot reach $via ($message)"
      ;;
    *x509* | *"tls: "*)
      hop=tls
      why="the certificate of $REGISTRY is not one that Docker trusts: $needs_ca /etc/docker/certs.d/${REGISTRY%:443}/ca.crt on the NAS ($message)"
      ;;
    yes:*"no such host"* | yes:*"server misbehaving"*)
      hop=lookup
      why="Docker cannot look $REGISTRY up, $way ($message)"
      ;;
    *"no such host"* | *"server misbehaving"*)
      hop=lookup
      why="Docker looks $REGISTRY up by itself instead of asking the proxy: does nas-k3s:noProxy spare it? ($message)"
      ;;
    no:*": Forbidden"* | no:*"Service Unavailable"* | no:*"Bad Gateway"* | no:*"Gateway Time"* | no:*": Not Found"*)
      hop=registry
      why="the hop proxy -> registry fails: $via does not let Docker through to $REGISTRY ($message)"
      ;;
    *"connection refused"* | *"i/o timeout"* | *"deadline exceeded"* | *"connection reset"* | *EOF* | *"request canceled"* | *"context canceled"* | *unreachable*)
      hop=silent
      why="Docker gets no answer from $REGISTRY$by ($message)"
      ;;
    *)
      # The registry itself spoke, if only to say no: 401, 404, too many requests.
      hop=ok
      say "Docker reaches $REGISTRY $way; the answer: ${message:-$status_line}"
      return 0
      ;;
  esac
  return 1
}
