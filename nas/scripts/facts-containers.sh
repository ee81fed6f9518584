# shellcheck shell=sh
# Facts of the containers: how many run, which of them Docker would not start again by itself, and how
# the one of k3s was made. Variables: CONTAINER, STACK_LABEL, IMAGE (or empty) and those of
# k3s-container.sh. Needs find_docker.

# Asks Docker, once for all: a NAS has many containers. Sets listed to lines ID|NAME|own|STATUS of all,
# where `own` is of those of this stack, or to `?` when it does not answer; looked to what it says of
# those that run and of the k3s container, and state to the state of that, empty when there is none.
look_at_containers() {
  looked=
  if listed=$(bounded 15 "$docker" ps --all --format \
    "{{.ID}}|{{.Names}}|{{if eq (.Label \"${STACK_LABEL%%=*}\") \"${STACK_LABEL#*=}\"}}own{{end}}|{{.Status}}" 2>/dev/null); then
    ids=$(printf '%s\n' "$listed" | NAME=$CONTAINER awk -F '|' \
      '$2 == ENVIRON["NAME"] || $4 ~ /^(Up|Restarting)/ { print $1 }')
  else
    listed='?'
    ids=$CONTAINER
  fi
  # shellcheck disable=SC2086 # a list
  [ -z "$ids" ] || looked=$(bounded 15 "$docker" inspect --format "$LOOK" $ids 2>/dev/null)
  state=$(said_of_container state)
}

# Each line begins with a word of its own, also where a value has several. Of the owner's containers
# only the name and the policy; the environment is secret, and of it only is told
# what is not as it was given, and whether there is a proxy in it.
LOOK='{{if .State.Running}}{{println "policy" .Name .HostConfig.RestartPolicy.Name}}{{end}}
  {{- if eq .Name "/'$CONTAINER'"}}
    {{- println "state" .State.Status}}
    {{- println "image" .Image}}
    {{- println "network" .HostConfig.NetworkMode}}
    {{- println "created" (json .Created)}}
    {{- range .Config.Cmd}}{{println "argument" (json .)}}{{end}}
    {{- range .HostConfig.Mounts}}
      {{- if eq .Target "/var/lib/rancher/k3s"}}{{println "data" (join (split .Source "\n") "\r")}}{{end}}
    {{- end}}
    {{- range .Mounts}}
      {{- if eq .Destination "/var/lib/rancher/k3s"}}{{println "mounted" (join (split .Source "\n") "\r")}}{{end}}
    {{- end}}
    {{- range $port, $bindings := .HostConfig.PortBindings}}
      {{- range $bindings}}{{println "published" .HostPort $port}}{{end}}
    {{- end}}
    '$ENV_FORMAT'
  {{- end}}'

# said_of_container WORD: the rest of the first line of the k3s container that begins with it.
said_of_container() {
  printf '%s\n' "$looked" | sed -n "s/^$1 //p" | head -n 1
}

running_facts() {
  [ "$listed" != '?' ] || return 0
  printf '%s\n' "$listed" | awk -F '|' '
    $4 ~ /^(Up|Restarting)/ { running++ }
    $3 == "own" && own == "" { own = $2 }
    END { printf "running=%d\nown_container=%s\n", running, own }'
  printf '%s\n' "$looked" | awk '$1 == "policy" && $3 != "always" && $3 != "unless-stopped" {
    print "no_restart_policy=" substr($2, 2)
  }'
}

# How the k3s container was made; the arguments are ours and hold no secret, the owner's may.
container_facts() {
  printf '%s\n' "$looked" |
    sed -n 's/^state /container=/p
      s/^network /container_network=/p
      s/^created "\(.*\)"$/container_created=\1/p
      s/^argument "--https-listen-port=\(.*\)"$/container_port=\1/p
      s/^argument "\(--\(cluster-cidr\|service-cidr\|cluster-domain\|node-name\|snapshotter\)=.*\)"$/container_flag=\1/p
      s/^data /container_data=/p
      s#^published \([0-9]*\) .*/#container_publishes=\1/#p
      s/^env \(CONTAINERD_\)\{0,1\}HTTPS_PROXY=..*/container_proxied=yes/p'
  printf '%s\n' "$looked" | env_changed | sed 's/^/env_changed=/'
}

# The tags of the container's image. Sets image_there: whether Docker has IMAGE, which takes no
# question of its own.
tag_facts() {
  image_there=no
  image_id=$(said_of_container image)
  [ -n "$image_id$IMAGE" ] || return 0
  tagged=$(bounded 15 "$docker" image inspect --format '{{.Id}} {{range .RepoTags}}{{.}} {{end}}' \
    ${image_id:+"$image_id"} ${IMAGE:+"$IMAGE"} 2>/dev/null)
  # Of an image that is not there it says nothing: a line alone is of one or the other.
  case $tagged in
    *"$newline"*) image_there=yes ;;
    "$image_id "* | '') ;;
    *)
      image_there=yes
      tagged=
      ;;
  esac
  printf '%s\n' "$tagged" | sed 's/^[^ ]* *//; q' | tr ' ' '\n' | sed -n 's/./container_tag=&/p'
}
