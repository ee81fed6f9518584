# shellcheck shell=sh
# What a registry says that does not have an image. Needs message, of whoever asked for it.

# Whether message is that there is no such image, and not that nobody could be asked.
no_such_image() {
  case $message in
    *"dial tcp"* | *proxyconnect* | *"request canceled"*) return 1 ;;
    *"manifest unknown"* | *"manifest_unknown"* | *"name unknown"* | *": not found"*) return 0 ;;
  esac
  return 1
}
