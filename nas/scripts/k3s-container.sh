# shellcheck shell=sh
# The container of k3s as `up` made it. Variables: CONTAINER, STACK_LABEL, ENV_LABEL,
# and STOP_GRACE (seconds) to remove it. Needs find_docker.

# What env_changed wants to know, as a template for `docker inspect`: each line begins with a word of
# its own, also where a value has several, which nothing has that `up` gave it.
# shellcheck disable=SC2034 # for facts-containers.sh and data-snapshot.sh
ENV_FORMAT='{{- println "given" (join (split (index .Config.Labels "'$ENV_LABEL'") "\n") "\r")}}
  {{- range .Config.Env}}{{println "env" (join (split . "\n") "\r")}}{{end}}'

# Names of the variables that are not what `up` gave the container, one a line, for what Docker says of
# it on standard input. Docker changes none in a container that is there, so somebody has made it anew,
# with its labels, as the apps of NASes do.
env_changed() {
  env_now=$(cat)
  for env_pair in $(printf '%s\n' "$env_now" | sed -n 's/^given //p' | tr ',' ' '); do
    env_name=${env_pair%%:*}
    env_sum=$(printf '%s\n' "$env_now" | sed -n "s/^env $env_name=//p" | tr -d '\n' | md5sum | cut -d ' ' -f 1)
    [ "$env_sum" = "${env_pair#*:}" ] || printf '%s\n' "$env_name"
  done
}

# Whether the container has the label of this stack.
is_of_stack() {
  is_there --filter "label=$STACK_LABEL"
}

# is_there [FILTER...]: whether there is a container of that name.
is_there() {
  [ -n "$(bounded 15 "$docker" ps --all --quiet --filter "name=^/*$CONTAINER\$" "$@" 2>/dev/null)" ]
}

# Status 1, and why, when it stays.
remove_container() {
  bounded $((STOP_GRACE + 60)) "$docker" stop -t "$STOP_GRACE" "$CONTAINER" >/dev/null 2>&1
  why=$(bounded 60 "$docker" rm -f "$CONTAINER" 2>&1) && return 0
  why=$(printf '%s\n' "$why" | masked | tail -n 1)
  return 1
}
