# shellcheck shell=sh
# Runs SCRIPT, the text of one of our scripts, as uid 0: by itself, or with sudo where the account
# of SSH is another. Variables: SCRIPT, SUDO_PASSWORD (or empty). The password goes to sudo's
# standard input and nowhere else: no argument, no environment, no file.
#
# SCRIPT is told about the account: SSH_USER, SSH_UID, SSH_PATH, SSH_CONNECTION, SSH_SOCKET (yes:
# it may write to Docker's socket), SUDO_STATE (root, free, password, or why there is no sudo).

trap '' HUP PIPE

launch() {
  SSH_UID=$(id -u)
  SSH_USER=$(id -un)
  # shellcheck disable=SC2034 # for SCRIPT
  SSH_PATH=$PATH
  # shellcheck disable=SC2034
  if [ -w /var/run/docker.sock ]; then SSH_SOCKET=yes; else SSH_SOCKET=no; fi
  if [ "$SSH_UID" = 0 ]; then
    SUDO_STATE=root
    eval "$SCRIPT"
    exit $?
  fi
  try_sudo
  case $SUDO_STATE in
    free)
      { account && printf '%s\n' "$SCRIPT"; } | "$sudo" -k -n sh -s "$@"
      exit $?
      ;;
    password)
      { printf '%s\n' "$SUDO_PASSWORD" && account && printf '%s\n' "$SCRIPT"; } |
        "$sudo" -k -S -p '' sh -s "$@"
      exit $?
      ;;
  esac
  # Facts are read as far as this account can.
  if [ "$1" = facts ]; then
    eval "$SCRIPT"
    exit $?
  fi
  refuse
}

account() {
  for name in SSH_USER SSH_UID SSH_PATH SSH_SOCKET SUDO_STATE SSH_CONNECTION; do
    eval "value=\${$name-}"
    # shellcheck disable=SC2154
    printf "%s='%s'\n" "$name" "$(printf '%s' "$value" | sed "s/'/'\\\\''/g")"
  done
}

# Sets SUDO_STATE, and sudo_said to what sudo says of sh, which runs SCRIPT: its rule may be another
# than that of other commands, and a password that it does not ask for would be SCRIPT's first line.
# Cached logins (-k) do not count: they are gone with the next connection.
try_sudo() {
  sudo_said=
  sudo=$(PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/opt/bin:/usr/local/sbin:/usr/sbin command -v sudo) || {
    SUDO_STATE="absent"
    return
  }
  if sudo_said=$(LC_ALL=C "$sudo" -k -n sh -c : 2>&1 </dev/null); then
    SUDO_STATE="free"
    return
  fi
  why_no_sudo
  if [ "$SUDO_STATE" = needed ] && [ -n "$SUDO_PASSWORD" ]; then
    if sudo_said=$(printf '%s\n' "$SUDO_PASSWORD" | LC_ALL=C "$sudo" -k -S -p '' sh -c : 2>&1); then
      SUDO_STATE=password
      return
    fi
    why_no_sudo
  fi
}

why_no_sudo() {
  case $sudo_said in
    *"must have a tty"*) SUDO_STATE="tty" ;;
    *"not in the sudoers"* | *"may not run sudo"* | *"not allowed"*) SUDO_STATE=sudoers ;;
    *"ry again"* | *"incorrect password"*) SUDO_STATE=wrong ;;
    *"password is required"* | *"terminal is required"* | *"no tty present"* | *"no password was provided"*)
      SUDO_STATE=needed
      ;;
    *) SUDO_STATE=broken ;;
  esac
}

refuse() {
  who="the account $SSH_USER (uid $SSH_UID)"
  uid0="set nas-k3s:sshUser to the account with uid 0 (admin on QNAP, root elsewhere)"
  case $SUDO_STATE in
    absent)
      why="the user $SSH_USER (uid $SSH_UID) may not manage Docker, and this NAS has no sudo"
      fix=$uid0
      ;;
    needed)
      why="sudo asks $who for a password"
      fix="pulumi config set --secret nas-k3s:sudoPassword, or allow it without one: $SSH_USER ALL=(root) NOPASSWD: ALL in sudoers"
      ;;
    wrong)
      why="sudo does not take the password of $who"
      fix="pulumi config set --secret nas-k3s:sudoPassword, the one that $SSH_USER logs in with"
      ;;
    sudoers)
      why="$who may not use sudo"
      fix="make it an administrator of the NAS (group administrators or sudo), or $uid0"
      ;;
    tty)
      why="sudo wants a terminal from $who, which SSH commands have not"
      fix="add this line to sudoers with visudo: Defaults:$SSH_USER !requiretty"
      ;;
    *)
      why="sudo fails for $who: $(printf '%s' "$sudo_said" | tail -n 1)"
      fix=$uid0
      ;;
  esac
  printf 'nas-k3s: error: %s\nnas-k3s:   -> %s\n' "$why" "$fix" >&2
  exit 1
}
