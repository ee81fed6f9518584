# shellcheck shell=sh
# The image of k3s comes into Docker's store, while a server that runs goes on. Here, where somebody
# says how far the pull is, and which setting names an image that there is none of: the docker
# provider, which comes next, finds the image.
#
# Prints the time, and of a pull when it began and how long it took: Docker notes neither.
#
# Variables: PLATFORM, IMAGE, SETTING (that names it), ADVICE (what to write there instead) and
# PULL_TIMEOUT (seconds).

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  if bounded 15 "$docker" image inspect "$IMAGE" >/dev/null 2>&1; then
    say "Docker has the image $IMAGE already"
  else
    pull_until=$(($(now) + PULL_TIMEOUT))
    pull_image
  fi
  printf 'time=%s\n' "$(now)"
}

pull_image() {
  : >"$tmp/pull.log"
  rm -f "$tmp/pull.status"
  find_dockerd
  pull_dockerd=$dockerd
  pull_began=$(now)
  pull_exact=$(hundredths)
  {
    bounded "$((pull_until - pull_began))" "$docker" pull "$IMAGE" >"$tmp/pull.log" 2>&1
    echo $? >"$tmp/pull.status"
  } &
  pull_told=$pull_began
  while [ ! -s "$tmp/pull.status" ]; do
    if [ $(($(now) - pull_told)) -ge 15 ]; then
      pull_told=$(now)
      say "pulling $IMAGE, $((pull_told - pull_began)) s of $PULL_TIMEOUT s: $(pull_progress)"
    fi
    nap
  done
  pull_exact=$(($(hundredths) - pull_exact))
  case $(cat "$tmp/pull.status") in
    0)
      printf 'pulling=%s\npull_took=%s.%02d\n' "$pull_began" $((pull_exact / 100)) $((pull_exact % 100))
      say "Docker has pulled $IMAGE in $((pull_exact / 100)) s"
      ;;
    124)
      fail "$IMAGE was not there after $PULL_TIMEOUT s: $(pull_progress)" \
        "nas-k3s:pullTimeout gives it more time; what was pulled is kept, and a server that runs goes on"
      ;;
    *)
      if docker_went; then
        say "Docker was restarted in the middle of the pull: pulling again"
        pull_image
      else
        pull_failed
      fi
      ;;
  esac
}

# Whether the pull ended with its Docker, which another run or the owner has restarted: it is waited
# for until it answers again. One that stops says so before it is gone.
docker_went() {
  went_until=$(($(now) + 60))
  while [ "$(now)" -lt "$pull_until" ]; do
    find_dockerd
    if [ -n "$dockerd" ] && [ "$dockerd" != "$pull_dockerd" ] && docker_answers; then
      return 0
    fi
    if ! other_run; then
      if [ "$dockerd" = "$pull_dockerd" ] && ! docker_stopped; then return 1; fi
      [ "$(now)" -lt "$went_until" ] || return 1
    fi
    nap
  done
  return 1
}

docker_stopped() {
  grep -Eq 'client connection is closing|Cannot connect to the Docker daemon' "$tmp/pull.log"
}

# What `docker pull` writes where it has no terminal: a line for each change of a layer.
pull_progress() {
  awk '/: (Pulling fs layer|Already exists)$/ { all++ }
    /: (Download complete|Already exists)$/ { fetched++ }
    /: (Pull complete|Already exists)$/ { unpacked++ }
    { last = $0 }
    END {
      if (all) printf "%d of %d layers fetched, %d unpacked", fetched, all, unpacked
      else printf "%s", last == "" ? "nothing came yet" : last
    }' "$tmp/pull.log" | masked | cut -c 1-300
}

pull_failed() {
  message=$(grep -v '^$' "$tmp/pull.log" | tail -n 1 | masked | cut -c 1-600)
  if no_such_image; then
    fail "nas-k3s:$SETTING: the registry has no image $IMAGE ($message)" \
      "$ADVICE; nothing was pulled or replaced, and a server that runs goes on"
  fi
  case $message in
    *unauthorized* | *denied* | *"no basic auth"*)
      # A login of this machine's, which the docker provider brings along.
      say "warning: Docker on the NAS alone may not pull $IMAGE: $message"
      return 0
      ;;
  esac
  fail "Docker cannot pull $IMAGE: $message" \
    "look at the way to its registry (nas-k3s:proxy, nas-k3s:noProxy); nothing was replaced, and a server that runs goes on"
}
